//! What goes between the terminal's process and the session's: JSON in frames, each after its length.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use vex_syntax::Spelling;

use crate::session;

/// Most bytes of a frame; more is a broken peer.
const LONGEST: usize = 1 << 30;

/// What the terminal asks for.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Request {
    /// Take an input. `quiet`: nothing it prints is shown, and it reads nothing.
    Feed { text: String, quiet: bool },
    /// Complete `text` up to byte `at`.
    Complete { text: String, at: usize },
    /// End, dropping the session's variables; with `quiet` showing nothing of what that prints.
    Close { quiet: bool },
}

/// What the session answers.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// It has started and takes requests. Sent once, unasked.
    Ready,
    /// To [`Request::Feed`], before anything else is done about it.
    Taken,
    /// To [`Request::Feed`], when it is done.
    Reply(Reply),
    /// To [`Request::Complete`].
    Completion { start: usize, candidates: Vec<(String, String)> },
}

/// [`session::Reply`] in plain data.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Reply {
    next: Next,
    ok: bool,
    keep: bool,
    at_line_start: bool,
    spelling: String,
}

/// [`session::Next`] in plain data.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Next {
    Input,
    Quit(u8),
    Feed(String),
    Restart(Vec<(String, bool)>),
}

impl From<session::Reply> for Answer {
    fn from(reply: session::Reply) -> Answer {
        let next = match reply.next {
            session::Next::Input => Next::Input,
            session::Next::Quit(status) => Next::Quit(status),
            session::Next::Feed(text) => Next::Feed(text),
            session::Next::Restart(inputs) => Next::Restart(inputs),
        };
        let session::Reply { ok, keep, at_line_start, spelling, .. } = reply;
        Answer::Reply(Reply { next, ok, keep, at_line_start, spelling: spelling.name().into() })
    }
}

impl From<Reply> for session::Reply {
    fn from(reply: Reply) -> session::Reply {
        let next = match reply.next {
            Next::Input => session::Next::Input,
            Next::Quit(status) => session::Next::Quit(status),
            Next::Feed(text) => session::Next::Feed(text),
            Next::Restart(inputs) => session::Next::Restart(inputs),
        };
        let named = Spelling::ALL.into_iter().find(|s| s.name() == reply.spelling);
        let Reply { ok, keep, at_line_start, .. } = reply;
        session::Reply { next, ok, keep, at_line_start, spelling: named.unwrap_or(Spelling::Vex) }
    }
}

impl From<session::Completion> for Answer {
    fn from(completion: session::Completion) -> Answer {
        let candidates = completion.candidates.into_iter().map(|c| (c.text, c.detail)).collect();
        Answer::Completion { start: completion.start, candidates }
    }
}

/// Writes a frame.
///
/// # Errors
/// Those of the stream.
pub(super) fn write(mut stream: impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = u32::try_from(frame.len() - 4).map_err(io::Error::other)?;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    stream.write_all(&frame)
}

/// Reads a frame; `None` when the stream has ended.
///
/// # Errors
/// Those of the stream, one that ends inside a frame, and a frame that is no message.
pub(super) fn read<M: DeserializeOwned>(mut stream: impl Read) -> io::Result<Option<M>> {
    let mut length = [0; 4];
    let first = loop {
        match stream.read(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => break other?,
        }
    };
    if first == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut length[first..])?;
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame)?;
    Ok(Some(serde_json::from_slice(&frame)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_as_they_were_sent() {
        let requests = [
            Request::Feed { text: "println(\"ü\n\u{1}\")".into(), quiet: true },
            Request::Complete { text: "ab".into(), at: 1 },
            Request::Close { quiet: false },
        ];
        let mut stream = Vec::new();
        for request in &requests {
            write(&mut stream, request).expect("written");
        }
        let mut stream = stream.as_slice();
        for request in &requests {
            assert_eq!(read(&mut stream).expect("read").as_ref(), Some(request));
        }
        assert_eq!(read::<Request>(&mut stream).expect("read"), None);
    }

    #[test]
    fn replies_survive_the_journey() {
        for (next, spelling) in [
            (session::Next::Input, Spelling::Vex),
            (session::Next::Quit(3), Spelling::Vera),
            (session::Next::Restart(vec![("a".into(), false)]), Spelling::Vais),
        ] {
            let reply = session::Reply { next, ok: true, keep: false, at_line_start: true, spelling };
            let mut stream = Vec::new();
            write(&mut stream, &Answer::from(reply.clone())).expect("written");
            let Ok(Some(Answer::Reply(back))) = read(stream.as_slice()) else { panic!("no reply") };
            assert_eq!(session::Reply::from(back), reply);
        }
    }

    #[test]
    fn half_a_frame_is_an_error() {
        let mut stream = Vec::new();
        write(&mut stream, &Request::Close { quiet: true }).expect("written");
        for end in 1..stream.len() {
            assert!(read::<Request>(&stream[..end]).is_err(), "{end}");
        }
        assert!(read::<Request>(&[255; 8][..]).is_err());
    }
}
