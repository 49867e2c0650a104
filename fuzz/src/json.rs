//! A mutation that keeps JSON whole: one value somewhere inside is changed, dropped, doubled or nested. Bytes changed at
//! random hardly ever leave a frame that parses, and what lies behind the parser would not be reached.

use serde_json::{Map, Value, json};

/// How many levels `deepened` puts around a value: around the limit of the wire.
const LEVELS: std::ops::Range<u64> = 1..40;

/// Mutates one value of the JSON in the first `size` bytes; the new size. `None` if that is no JSON, or the result does
/// not fit.
pub fn mutate(data: &mut [u8], size: usize, seed: u32) -> Option<usize> {
    let mut value: Value = serde_json::from_slice(data.get(..size)?).ok()?;
    let mut dice = Dice(u64::from(seed));
    let mut steps = dice.below(count(&value));
    change(&mut value, &mut steps, &mut dice);
    let text = serde_json::to_vec(&value).ok()?;
    data.get_mut(..text.len())?.copy_from_slice(&text);
    Some(text.len())
}

/// `SplitMix64`: libFuzzer gives the seed, so a run can be repeated.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most.max(1)
    }
}

/// All values, the outermost included.
fn count(value: &Value) -> u64 {
    1 + match value {
        Value::Array(elements) => elements.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// Changes the value that is so many steps away; whether it was reached.
fn change(value: &mut Value, steps: &mut u64, dice: &mut Dice) -> bool {
    if *steps == 0 {
        replace(value, dice);
        return true;
    }
    *steps -= 1;
    match value {
        Value::Array(elements) => elements.iter_mut().any(|element| change(element, steps, dice)),
        Value::Object(fields) => fields.values_mut().any(|field| change(field, steps, dice)),
        _ => false,
    }
}

fn replace(value: &mut Value, dice: &mut Dice) {
    match (dice.below(8), &mut *value) {
        (0, _) => *value = deepened(value.take(), dice.below(LEVELS.end - LEVELS.start) + LEVELS.start),
        (1, _) => *value = any(dice),
        (2 | 3, Value::Array(elements)) => {
            let again = elements.first().cloned().unwrap_or_else(|| any(dice));
            elements.extend(std::iter::repeat_n(again, dice.below(70) as usize));
        }
        (4, Value::Array(elements)) => drop(elements.pop()),
        (2 | 3, Value::Object(fields)) => drop_one(fields, dice),
        (4, Value::Object(fields)) => drop(fields.insert("later".into(), any(dice))),
        (2 | 3, Value::String(text)) => *text = text.repeat(dice.below(8) as usize),
        (4, Value::String(text)) => text.extend(['\0', '"', '\u{202e}', '/', ':', '.'].get(dice.below(6) as usize)),
        _ => *value = number(dice),
    }
}

fn drop_one(fields: &mut Map<String, Value>, dice: &mut Dice) {
    let at = dice.below(fields.len() as u64) as usize;
    if let Some(name) = fields.keys().nth(at).cloned() {
        fields.remove(&name);
    }
}

fn deepened(value: Value, levels: u64) -> Value {
    (0..levels).fold(value, |inner, _| json!([inner]))
}

fn any(dice: &mut Dice) -> Value {
    match dice.below(6) {
        0 => Value::Null,
        1 => json!(dice.below(2) == 0),
        2 => json!([]),
        3 => json!({}),
        4 => json!(""),
        _ => number(dice),
    }
}

/// Mostly at the edge of some type.
fn number(dice: &mut Dice) -> Value {
    const EDGES: [i64; 8] = [-1, 0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, i64::MIN, i64::MAX];
    match dice.below(12) {
        at @ 0..8 => json!(EDGES[at as usize]),
        8 => json!(u64::MAX),
        9 => json!(1e39),
        10 => json!(-0.5),
        _ => json!(dice.below(100_000)),
    }
}
