//! The form of a text file: how its lines end, and whether it begins with a byte order mark. Changes keep it.

/// The mark at the beginning of some UTF-8 files.
pub(super) const MARK: &[u8] = b"\xef\xbb\xbf";

/// How lines end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineEnd {
    Lf,
    CrLf,
}

impl LineEnd {
    /// What most lines end with.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut with = 0;
        let mut without = 0;
        for at in memchr::memchr_iter(b'\n', bytes) {
            if at > 0 && bytes[at - 1] == b'\r' { with += 1 } else { without += 1 }
        }
        if with > without { Self::CrLf } else { Self::Lf }
    }

    /// A text with these ends instead of lone newlines. One that has the other ends anywhere means what it says.
    pub(super) fn applied(self, text: &str) -> Vec<u8> {
        if self == Self::Lf || text.contains("\r\n") {
            return text.as_bytes().to_vec();
        }
        text.replace('\n', "\r\n").into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_lines_decide_and_what_is_explicit_stays() {
        assert_eq!(LineEnd::of(b""), LineEnd::Lf);
        assert_eq!(LineEnd::of(b"a\r\nb\r\nc\n"), LineEnd::CrLf);
        assert_eq!(LineEnd::of(b"\na\r\n"), LineEnd::Lf);
        assert_eq!(LineEnd::CrLf.applied("a\nb"), b"a\r\nb");
        assert_eq!(LineEnd::CrLf.applied("a\r\nb\n"), b"a\r\nb\n");
        assert_eq!(LineEnd::Lf.applied("a\r\nb\n"), b"a\r\nb\n");
    }
}
