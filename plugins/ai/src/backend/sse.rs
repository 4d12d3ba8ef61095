//! A parser of event streams (WHATWG HTML, section 9.2.6), fed with bytes as they come.
//!
//! Lines end with LF, CR or CRLF; a line, a character and even a CRLF may be split between two reads. A frame's lines
//! are parsed where they lie when they are whole, so a stream of small events costs no copy of its own.

use memchr::memchr2;

/// Longest event that is taken, in bytes.
const LIMIT: usize = 64 * 1024 * 1024;
/// A line from this length on is not copied, and its memory not kept, in bytes.
const LARGE: usize = 1024 * 1024;

/// An event, as it is handed out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// The `id` of this very event.
    pub(crate) id: Option<&'a str>,
    /// Its `event` field; empty without one.
    pub(crate) event: &'a str,
    /// Its `data` lines, joined by newlines.
    pub(crate) data: &'a [u8],
}

/// The state between two reads.
#[derive(Debug, Default)]
pub(crate) struct EventStream {
    /// The beginning of a line whose end has not come.
    partial: Vec<u8>,
    data: Vec<u8>,
    /// Where the data begins in `data`.
    data_from: usize,
    has_data: bool,
    event: String,
    id: Option<String>,
    /// The last byte was a CR: an LF that follows belongs to it.
    after_cr: bool,
    /// A byte order mark may only come first.
    has_begun: bool,
}

impl EventStream {
    /// Takes bytes in and hands every event out that they complete. `false`: an event is longer than 64 MiB.
    #[must_use]
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut sink: impl FnMut(Frame<'_>)) -> bool {
        while let Some(&first) = bytes.first() {
            if let Some((frame, rest)) = self.plain_frame(bytes) {
                sink(frame);
                bytes = rest;
                continue;
            }
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = memchr2(b'\n', b'\r', bytes) else {
                self.partial.extend_from_slice(bytes);
                break;
            };
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            self.after_cr = bytes[end] == b'\r';
            bytes = rest;
            if self.partial.is_empty() {
                self.line(line, &mut sink);
            } else {
                let mut whole = std::mem::take(&mut self.partial);
                whole.extend_from_slice(line);
                if whole.len() < LARGE || !self.adopt(&mut whole) {
                    self.line(&whole, &mut sink);
                    whole.clear();
                    self.partial = whole;
                }
            }
        }
        self.partial.len().max(self.data.len()) <= LIMIT
    }

    /// A whole frame as most are, an id and one line of data, and what follows: read where it lies.
    fn plain_frame<'a>(&self, bytes: &'a [u8]) -> Option<(Frame<'a>, &'a [u8])> {
        let is_between = self.has_begun
            && !self.after_cr
            && !self.has_data
            && self.partial.is_empty()
            && self.event.is_empty()
            && self.id.is_none();
        let rest = bytes.strip_prefix(b"id: ").filter(|_| is_between)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (id, rest) = rest.split_at(digits);
        let rest = rest.strip_prefix(b"\ndata: ")?;
        let (data, rest) = rest.split_at(memchr2(b'\n', b'\r', rest)?);
        let rest = rest.strip_prefix(b"\n\n")?;
        Some((Frame { id: Some(std::str::from_utf8(id).ok()?), event: "", data }, rest))
    }

    /// Takes a large line of data over as it is, without a copy; `false`: it is to be read as any line.
    fn adopt(&mut self, line: &mut Vec<u8>) -> bool {
        if self.has_data || !self.has_begun || !line.starts_with(b"data:") {
            return false;
        }
        self.data_from = if line.get(5) == Some(&b' ') { 6 } else { 5 };
        self.data = std::mem::take(line);
        self.has_data = true;
        true
    }

    fn line(&mut self, mut line: &[u8], sink: &mut impl FnMut(Frame<'_>)) {
        if !std::mem::replace(&mut self.has_begun, true) {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            return self.dispatch(sink);
        }
        let (field, value) = match memchr::memchr(b':', line) {
            None => (line, &[][..]),
            Some(colon) => {
                let value = &line[colon + 1..];
                (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
            }
        };
        match field {
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
            }
            b"event" => self.event = String::from_utf8_lossy(value).into_owned(),
            b"id" if !value.contains(&0) => {
                let id = self.id.get_or_insert_default();
                id.clear();
                id.push_str(&String::from_utf8_lossy(value));
            }
            // A comment, `retry` (the agent has its own pauses), or a field that is not known.
            _ => {}
        }
    }

    fn dispatch(&mut self, sink: &mut impl FnMut(Frame<'_>)) {
        if self.has_data {
            sink(Frame { id: self.id.as_deref(), event: &self.event, data: &self.data[self.data_from..] });
        }
        self.data.clear();
        self.data_from = 0;
        if self.data.capacity() > LARGE {
            self.data = Vec::new();
        }
        self.has_data = false;
        self.event.clear();
        self.id = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Seen = Vec<(Option<String>, String, String)>;

    fn parse(parts: &[&[u8]]) -> Seen {
        let mut stream = EventStream::default();
        let mut seen = Vec::new();
        for part in parts {
            assert!(stream.feed(part, |frame| seen.push((
                frame.id.map(str::to_owned),
                frame.event.to_owned(),
                String::from_utf8(frame.data.to_vec()).unwrap(),
            ))));
        }
        seen
    }

    fn frame(id: Option<&str>, event: &str, data: &str) -> (Option<String>, String, String) {
        (id.map(str::to_owned), event.to_owned(), data.to_owned())
    }

    /// Everything at once: BOM, comment, the three line ends, several data lines, a field without colon, no space
    /// behind the colon, an id of its own for each event, characters of several bytes.
    const STREAM: &str = "\u{feff}: hello\r\nid: 1\r\ndata: eins\r\n\r\nid:2\rdata:zwei\rdata: \u{1F9EC} drei\r\revent: x\n\
                          data\nretry: 5\nunknown: y\n\ndata: ohne id\n\n: only a comment\n\nid: 9\ndata: unfinished\n";

    fn expected() -> Seen {
        vec![
            frame(Some("1"), "", "eins"),
            frame(Some("2"), "", "zwei\n\u{1F9EC} drei"),
            frame(None, "x", ""),
            frame(None, "", "ohne id"),
        ]
    }

    #[test]
    fn follows_the_standard() {
        assert_eq!(parse(&[STREAM.as_bytes()]), expected());
    }

    #[test]
    fn any_split_gives_the_same() {
        let bytes = STREAM.as_bytes();
        for at in 0..=bytes.len() {
            let (one, two) = bytes.split_at(at);
            assert_eq!(parse(&[one, two]), expected(), "split at {at}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(parse(&single), expected());
    }

    #[test]
    fn a_frame_that_is_read_where_it_lies_is_the_same_as_one_that_is_not() {
        for stream in [
            "\n\nid: 1\ndata: a\n\nid: 2\ndata: b\n\n",
            ": c\nid: 1\ndata: a\nid: 7\n\nid: 2\ndata: b\ndata: c\n\n",
            "event: e\nid: 1\ndata: a\n\nid: 2\ndata: a\rid: 3\ndata: b\n\n",
            "id: 0\n\nid: \ndata: a\n\nid: x1\ndata: a\n\nid: 12x\ndata: a\n\n",
            "data: a\r\nid: 1\ndata: b\n\nid: 2\ndata: c\r\n\r\nid: 3\ndata: \n\nid: 4\ndata: d\n\r\n",
        ] {
            let single: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
            assert_eq!(parse(&[stream.as_bytes()]), parse(&single), "{stream:?}");
        }
    }

    #[test]
    fn a_large_line_is_read_like_a_small_one() {
        let large = "x".repeat(3 * LARGE);
        let stream = format!("id: 1\ndata: {large}\n\nid: 2\ndata: {large}\ndata: more\n\ndata: y\n\n");
        let parts: Vec<&[u8]> = stream.as_bytes().chunks(64 * 1024).collect();
        let expected = [
            frame(Some("1"), "", &large),
            frame(Some("2"), "", &format!("{large}\nmore")),
            frame(None, "", "y"),
        ];
        assert!(parse(&parts) == expected);
    }

    #[test]
    fn an_event_without_an_end_is_refused_before_memory_is() {
        let mut stream = EventStream::default();
        let block = vec![b'x'; 8 * 1024 * 1024];
        let taken = (0..100).take_while(|_| stream.feed(&block, |_| {})).count();
        assert!(taken < 10, "{taken}");
    }
}
