//! Pure: reads what `strace -f -y` wrote about a server, to see that an acknowledgement left only after the disk had the
//! command. A command is followed by its id: its first write to the database's log, the first sync of the log that begins
//! after that, and the frame that answers it.

use std::collections::HashMap;

use watchbell_protocol::CommandId;

/// The system calls that it needs, for `strace -e trace=`.
pub const CALLS: &str = "write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync";

/// When a call began and ended, by line, and what it was.
#[derive(Debug)]
struct Call<'a> {
    began: usize,
    /// `None` if it never returned.
    ended: Option<usize>,
    name: &'a str,
    /// Everything between the parentheses that is written before it returns.
    arguments: &'a str,
    succeeded: bool,
}

impl Call<'_> {
    fn is_on_the_log(&self) -> bool {
        self.arguments.split_once('>').is_some_and(|(file, _)| file.ends_with("-wal"))
    }

    fn syncs_the_log(&self) -> bool {
        matches!(self.name, "fsync" | "fdatasync") && self.is_on_the_log()
    }

    fn writes_to_the_log(&self, what: &str) -> bool {
        matches!(self.name, "pwrite64" | "pwritev" | "write" | "writev")
            && self.is_on_the_log()
            && self.arguments.contains(what)
    }

    fn sends(&self, what: &str) -> bool {
        matches!(self.name, "sendto" | "sendmsg" | "write" | "writev")
            && self.arguments.split_once('>').is_some_and(|(file, _)| file.contains("socket:") || file.contains("TCP"))
            && self.arguments.contains(what)
    }
}

/// What the trace tells of one command that was acknowledged: nothing, if all is well.
///
/// # Errors
/// Which of the three is missing, or that they came in another order.
pub fn synced_before_answered(trace: &str, id: CommandId) -> Result<(), String> {
    let calls = calls(trace);
    let id = id.to_string();
    // As strace writes a string.
    let answer = format!(r#"{{\"re\":\"{id}\",\"ok\""#);
    let answered = calls.iter().find(|call| call.sends(&answer)).ok_or("its answer is not in the trace")?;
    let written = calls.iter().find(|call| call.writes_to_the_log(&id)).ok_or("it was never written to the log")?;
    let after = written.ended.ok_or("the write never returned")?;
    let synced = calls.iter().find(|call| call.syncs_the_log() && call.began > after).ok_or("no sync followed")?;
    match synced.ended {
        Some(ended) if synced.succeeded && ended < answered.began => Ok(()),
        Some(_) if !synced.succeeded => Err("the sync failed".to_owned()),
        ended => Err(format!("answered in line {}, on the disk in line {ended:?}", answered.began)),
    }
}

/// The calls in the order in which they began. What is no call (a signal, an exit) is skipped.
fn calls(trace: &str) -> Vec<Call<'_>> {
    let mut calls: Vec<Call<'_>> = Vec::new();
    let mut unfinished: HashMap<&str, usize> = HashMap::new();
    for (line, text) in trace.lines().enumerate() {
        // With `-f`, each line begins with the thread.
        let Some((thread, rest)) = text.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if rest.starts_with("<... ") {
            if let Some(call) = unfinished.remove(thread).and_then(|index| calls.get_mut(index)) {
                (call.ended, call.succeeded) = (Some(line), succeeded(rest));
            }
            continue;
        }
        let Some((name, rest)) = rest.split_once('(') else { continue };
        let whole = !rest.ends_with("<unfinished ...>");
        if !whole {
            unfinished.insert(thread, calls.len());
        }
        let ended = whole.then_some(line);
        calls.push(Call { began: line, ended, name, arguments: rest, succeeded: whole && succeeded(rest) });
    }
    calls
}

fn succeeded(text: &str) -> bool {
    text.rsplit_once(" = ").is_some_and(|(_, result)| !result.starts_with('-') && !result.starts_with('?'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0199d8c0-0000-7000-8000-00000000002a";
    const WRITE: &str =
        r#"11 pwrite64(9</data/w.db-wal>, "\0\0..0199d8c0-0000-7000-8000-00000000002a..", 4096, 32) = 4096"#;
    const SYNC: &str = "11 fdatasync(9</data/w.db-wal>) = 0";
    const ANSWER: &str = r#"12 sendto(7<socket:[5]>, "\201~\0\200{\"re\":\"0199d8c0-0000-7000-8000-00000000002a\",\"ok\":{}}", 9, 0) = 9"#;

    fn judge(lines: &[&str]) -> Result<(), String> {
        synced_before_answered(&lines.join("\n"), ID.parse().unwrap())
    }

    #[test]
    fn written_synced_and_then_answered_is_well() {
        assert_eq!(judge(&[WRITE, SYNC, ANSWER]), Ok(()));
        let (begin, end) = ("11 fdatasync(9</data/w.db-wal> <unfinished ...>", "11 <... fdatasync resumed>) = 0");
        assert_eq!(judge(&[WRITE, begin, "12 +++ exited with 0 +++", end, ANSWER]), Ok(()));
    }

    #[test]
    fn an_answer_by_another_call_is_found_too() {
        let vectored =
            ANSWER.replace("sendto(7<socket:[5]>, ", "writev(7<TCP:[127.0.0.1:1->127.0.0.1:2]>, [{iov_base=");
        assert_eq!(judge(&[WRITE, SYNC, &vectored]), Ok(()));
    }

    #[test]
    fn an_answer_before_the_sync_ended_is_noticed() {
        assert!(judge(&[WRITE, ANSWER, SYNC]).is_err(), "before it began");
        let (begin, end) = ("11 fdatasync(9</data/w.db-wal> <unfinished ...>", "11 <... fdatasync resumed>) = 0");
        assert!(judge(&[WRITE, begin, ANSWER, end]).is_err(), "before it ended");
        assert!(judge(&[SYNC, WRITE, ANSWER]).is_err(), "a sync of something earlier");
        assert!(judge(&[WRITE, begin, ANSWER]).is_err(), "it never ended");
    }

    #[test]
    fn a_sync_that_failed_or_of_another_file_is_none() {
        assert!(judge(&[WRITE, "11 fdatasync(9</data/w.db-wal>) = -1 EIO (Input/output error)", ANSWER]).is_err());
        assert!(judge(&[WRITE, "11 fdatasync(8</data/w.db>) = 0", ANSWER]).is_err());
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(judge(&[SYNC, ANSWER]), Err("it was never written to the log".to_owned()));
        assert_eq!(judge(&[WRITE, SYNC]), Err("its answer is not in the trace".to_owned()));
    }
}
