//! WebSocket frames on their way out: a head of a few bytes before each shared payload, read by a vectored write, or
//! copied together when they are small.

use std::io::IoSlice;

use bytes::{Buf, Bytes};
use smallvec::SmallVec;
use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};
use watchbell_protocol::CloseCode;

use super::outbox::{Batch, Out};

/// What a frame of a server begins with, at most: two bytes and a length of eight.
const HEAD: usize = 10;

/// Frames on their way out.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Most of the time it is one.
    all: SmallVec<[Frame; 1]>,
    /// How many of them went out …
    gone: usize,
    /// … and bytes of the one after those.
    gone_bytes: usize,
    remaining: usize,
}

#[derive(Debug)]
struct Frame {
    head: [u8; HEAD],
    head_length: usize,
    payload: Bytes,
}

impl From<Batch> for Frames {
    fn from(batch: Batch) -> Self {
        let mut frames = Self::default();
        frames.all.reserve_exact(batch.outs.len() + usize::from(batch.close.is_some()));
        for out in batch.outs {
            match out {
                Out::Text(text) => frames.push(Frame::new(OpCode::Data(Data::Text), text.into())),
                Out::Packed(bytes) => frames.push(Frame::new(OpCode::Data(Data::Binary), bytes)),
                Out::Ping => frames.push(Frame::new(OpCode::Control(Control::Ping), Bytes::new())),
                Out::Reply(whole) => frames.push(Frame { head: [0; HEAD], head_length: 0, payload: whole }),
            }
        }
        if let Some(code) = batch.close {
            frames.push(Frame::new(OpCode::Control(Control::Close), close(code)));
        }
        frames
    }
}

/// What a close says: its number and its reason.
fn close(code: CloseCode) -> Bytes {
    let number = code.number().to_be_bytes();
    number.iter().copied().chain(code.reason().bytes()).collect()
}

impl Frame {
    fn new(opcode: OpCode, payload: Bytes) -> Self {
        let mut head = [0; HEAD];
        let mut rest = head.as_mut_slice();
        FrameHeader { opcode, ..FrameHeader::default() }
            .format(payload.len() as u64, &mut rest)
            .expect("the head of a frame without a mask takes at most ten bytes");
        let head_length = HEAD - rest.len();
        Self { head, head_length, payload }
    }

    fn length(&self) -> usize {
        self.head_length + self.payload.len()
    }

    /// Head and payload without the first `gone` bytes.
    fn rest(&self, gone: usize) -> [&[u8]; 2] {
        let of_head = gone.min(self.head_length);
        [&self.head[of_head..self.head_length], &self.payload[gone - of_head..]]
    }
}

impl Frames {
    fn push(&mut self, frame: Frame) {
        self.remaining += frame.length();
        self.all.push(frame);
    }

    /// What is still to go, in order and without empty parts.
    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let gone = |index| if index == 0 { self.gone_bytes } else { 0 };
        let left = self.all[self.gone..].iter().enumerate();
        let parts = left.flat_map(move |(index, frame)| frame.rest(gone(index)));
        parts.filter(|part| !part.is_empty())
    }

    /// All that is still to go in one piece, if it fits.
    pub(super) fn whole<'a>(&self, space: &'a mut [u8]) -> Option<&'a [u8]> {
        let whole = space.get_mut(..self.remaining)?;
        let mut at = 0;
        for part in self.parts() {
            whole[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        Some(whole)
    }
}

impl Buf for Frames {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        self.parts().next().unwrap_or_default()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let filled = slices.iter_mut().zip(self.parts()).map(|(slice, part)| *slice = IoSlice::new(part));
        filled.count()
    }

    fn advance(&mut self, count: usize) {
        self.remaining -= count;
        self.gone_bytes += count;
        while let Some(first) = self.all.get_mut(self.gone)
            && first.length() <= self.gone_bytes
        {
            self.gone_bytes -= first.length();
            // It may be the only one left that holds its text.
            first.payload = Bytes::new();
            first.head_length = 0;
            self.gone += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tungstenite::{
        Message,
        protocol::{Role, WebSocket},
    };

    use super::*;

    fn batch(texts: &[String]) -> Batch {
        let outs = texts.iter().map(|text| Out::Text(text.as_str().into())).chain([Out::Ping]).collect();
        Batch { outs, close: Some(CloseCode::Silent), is_last: true, is_owed: true }
    }

    /// What a client reads.
    fn read(bytes: Vec<u8>) -> Vec<Message> {
        let mut client = WebSocket::from_raw_socket(std::io::Cursor::new(bytes), Role::Client, None);
        std::iter::from_fn(|| client.read().ok()).collect()
    }

    proptest! {
        #[test]
        fn another_implementation_reads_what_was_written_however_it_was_cut(
            texts in prop::collection::vec("[a-zé]{0,200}", 0..8),
            large in prop::sample::select(vec![0, 125, 126, 65_535, 65_536]),
            cuts in prop::collection::vec(prop_oneof![1..400_usize, 400..20_000_usize], 1..40),
        ) {
            let texts: Vec<String> = texts.into_iter().chain(["x".repeat(large)]).collect();
            let mut frames = Frames::from(batch(&texts));
            let (mut wire, mut cuts) = (Vec::new(), cuts.into_iter().cycle());
            while frames.has_remaining() {
                let mut slices = [IoSlice::new(&[]); 5];
                let filled = frames.chunks_vectored(&mut slices);
                let offered: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
                let mut space = [0; 512];
                match frames.whole(&mut space) {
                    Some(whole) => prop_assert!(whole.len() == frames.remaining() && whole.starts_with(&offered)),
                    None => prop_assert!(frames.remaining() > space.len()),
                }
                let taken = cuts.next().unwrap().min(offered.len());
                wire.extend(&offered[..taken]);
                frames.advance(taken);
            }
            let heard = read(wire);
            let expected = texts.iter().map(|text| Message::text(text.as_str())).chain([Message::Ping(Bytes::new())]);
            prop_assert_eq!(&heard[..heard.len() - 1], expected.collect::<Vec<_>>());
            let Some(Message::Close(Some(close))) = heard.last() else { panic!("ends with a close") };
            prop_assert_eq!(u16::from(close.code), CloseCode::Silent.number());
            prop_assert_eq!(close.reason.as_str(), CloseCode::Silent.reason());
        }
    }
}
