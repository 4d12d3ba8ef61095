//! Addresses of packages and indexes: which ones are asked, and how they are written down.

use std::borrow::Cow;

use fluent_uri::{Uri, UriRef};

const MASK: &str = "[secret]";
/// Where nobody listens in.
const THIS_MACHINE: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Whether it is meant as an address, and not as a path.
pub fn is_address(text: &str) -> bool {
    let is_scheme_like = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    text.split_once("://").is_some_and(|(scheme, _)| !scheme.is_empty() && scheme.chars().all(is_scheme_like))
}

/// Whether plugins may come from there.
///
/// # Errors
/// Why not.
pub fn check(text: &str) -> Result<(), &'static str> {
    // Strictly by RFC 3986: whoever asks reads more into an address than it says, and could read another host.
    let uri = Uri::parse(text).map_err(|_| "it is no address (RFC 3986)")?;
    let authority = uri.authority().ok_or("it names no host")?;
    if authority.userinfo().is_some() {
        return Err("a name or a password in an address would be written down in many places");
    }
    let host = authority.host();
    if host.is_empty() {
        return Err("it names no host");
    }
    let is_here = || {
        uri.scheme().as_str().eq_ignore_ascii_case("http")
            && THIS_MACHINE.iter().any(|name| host.eq_ignore_ascii_case(name))
    };
    if is_encrypted(&uri) || is_here() { Ok(()) } else { Err("plugins come over https only") }
}

fn is_encrypted(uri: &Uri<&str>) -> bool {
    uri.scheme().as_str().eq_ignore_ascii_case("https")
}

/// Whether a server may lead from one address to another.
///
/// # Errors
/// Why not.
pub fn check_redirect(from: &str, to: &str) -> Result<(), &'static str> {
    let is_encrypted = |text| Uri::parse(text).is_ok_and(|uri| is_encrypted(&uri));
    if is_encrypted(from) && !is_encrypted(to) {
        return Err("plugins come over https only, and it leads elsewhere");
    }
    check(to)
}

/// The address that `target`, absolute or not, stands for on the page `base` (RFC 3986, section 5). What servers write and
/// no address may hold, as a space in a path, is encoded first. What is none stays as it is, for [`check`] to refuse.
pub fn join(base: &str, target: &str) -> String {
    let base = base.split('#').next().unwrap_or_default();
    let encoded = encoded(target);
    let joined = UriRef::parse(encoded.as_str())
        .ok()
        .zip(Uri::parse(base).ok())
        .and_then(|(target, base)| target.resolve_against(&base).ok());
    joined.map_or_else(|| target.to_owned(), |uri| uri.as_str().to_owned())
}

/// Behind the host: what that is, nobody shall read in two ways. Nor is anything that no line holds made good.
fn encoded(target: &str) -> String {
    let behind_scheme =
        target.find("//").filter(|at| !target[..*at].contains(['/', '?', '#'])).map(|at| at + 2);
    let host = behind_scheme.unwrap_or(0);
    let length = target[host..].find(['/', '?', '#']).unwrap_or(target.len() - host);
    let (kept, rest) = target.split_at(if behind_scheme.is_some() { host + length } else { 0 });
    let is_octet =
        |rest: &str| rest.len() >= 3 && rest.bytes().skip(1).take(2).all(|byte| byte.is_ascii_hexdigit());
    let mut text = kept.to_owned();
    for (at, c) in rest.char_indices() {
        let is_kept = match c {
            '%' => is_octet(&rest[at..]),
            ' ' | '"' | '<' | '>' | '[' | ']' | '\\' | '^' | '`' | '{' | '|' | '}' => false,
            _ => c.is_ascii(),
        };
        if is_kept {
            text.push(c);
        } else {
            let mut bytes = [0; 4];
            text.extend(c.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")));
        }
    }
    text
}

/// As receipts, the lock, the audit and people may see it: an address that was signed for somebody is as good as a
/// password.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !is_address(text) {
        return Cow::Borrowed(text);
    }
    let Ok(uri) = Uri::parse(text) else {
        return shown_unread(text);
    };
    let Some(authority) = uri.authority() else { return Cow::Borrowed(text) };
    let query = uri.query().map(|query| query.as_str());
    let parameters: Vec<Cow<'_, str>> = query.unwrap_or_default().split('&').map(parameter).collect();
    let is_plain = parameters.iter().all(|parameter| matches!(parameter, Cow::Borrowed(_)));
    if authority.userinfo().is_none() && is_plain {
        return Cow::Borrowed(text);
    }
    let name = authority.userinfo().map_or_else(String::new, |_| format!("{MASK}@"));
    let host = authority.as_str().rsplit('@').next().unwrap_or_default();
    let mut shown = format!("{}://{name}{host}{}", uri.scheme(), uri.path());
    if query.is_some() {
        shown = shown + "?" + &parameters.join("&");
    }
    if let Some(fragment) = uri.fragment() {
        shown = shown + "#" + fragment.as_str();
    }
    Cow::Owned(shown)
}

/// What is no address: a name and a password may be in all that stands before an `@`, a secret in all behind a `?`.
fn shown_unread(text: &str) -> Cow<'_, str> {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    // A password may hold a question mark too.
    if query.is_some_and(|query| query.contains('@')) {
        return Cow::Owned(format!("{scheme}://{MASK}"));
    }
    let path =
        path.rsplit_once('@').map_or(Cow::Borrowed(path), |(_, host)| Cow::Owned(format!("{MASK}@{host}")));
    let query = query.map_or_else(String::new, |_| format!("?{MASK}"));
    Cow::Owned(format!("{scheme}://{path}{query}"))
}

/// Whether something of it was left out when it was written down.
pub fn is_incomplete(text: &str) -> bool {
    text.contains(MASK)
}

fn parameter(text: &str) -> Cow<'_, str> {
    match text.split_once('=') {
        Some((name, value)) if !value.is_empty() && (is_of_a_secret(name) || looks_random(value)) => {
            Cow::Owned(format!("{name}={MASK}"))
        }
        _ => Cow::Borrowed(text),
    }
}

/// By its words: `keyword` and `author` are of no secret. What is written in one word ends with what it is.
fn is_of_a_secret(name: &str) -> bool {
    const WORDS: &str = "sig signature token secret pass password passwd passphrase pwd key apikey credential credentials auth \
                         authorization jwt bearer sas policy";
    const ENDS: &str = "token secret signature password apikey accesskey credential credentials";
    let (mut words, mut previous) = (String::new(), ' ');
    for c in name.chars() {
        if previous.is_ascii_lowercase() && c.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' });
        previous = c;
    }
    let is_meant = |word: &str| {
        WORDS.split_whitespace().any(|known| known == word) || ENDS.split(' ').any(|end| word.ends_with(end))
    };
    words.split(' ').any(is_meant)
}

/// Nobody names a file, or a version, in so many letters and numbers in disorder, without a point.
fn looks_random(value: &str) -> bool {
    const LONG: usize = 20;
    if value.len() < 24 || value.contains('.') || !value.contains(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let is_alphanumeric = |c: char| c.is_ascii_alphanumeric();
    let has_long_run = value
        .split(|c| !is_alphanumeric(c))
        .any(|run| run.len() >= LONG && run.contains(|c: char| c.is_ascii_digit()));
    let kind = |c: u8| (c.is_ascii_digit(), c.is_ascii_uppercase());
    let is_change =
        |pair: &&[u8]| pair.iter().all(u8::is_ascii_alphanumeric) && kind(pair[0]) != kind(pair[1]);
    has_long_run || value.as_bytes().windows(2).filter(is_change).count() * 4 >= value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_joined_as_browsers_do() {
        for (base, target, joined) in [
            ("https://a.example/x/index.json", "p.tar.gz", "https://a.example/x/p.tar.gz"),
            ("https://a.example/x/", "p.tar.gz", "https://a.example/x/p.tar.gz"),
            ("https://a.example/x?q=/1/", "p", "https://a.example/p"),
            ("https://a.example", "p", "https://a.example/p"),
            ("https://a.example/x/y", "/p", "https://a.example/p"),
            (
                "https://a.example/x/y",
                "/p?from=https://b.example/",
                "https://a.example/p?from=https://b.example/",
            ),
            ("https://a.example/x", "//b.example/p", "https://b.example/p"),
            ("https://a.example/x", "https://b.example/p", "https://b.example/p"),
            ("https://a.example/x", "hello plugin.tar.gz", "https://a.example/hello%20plugin.tar.gz"),
            ("https://a.example/x", "/é?q={a|b}[0]", "https://a.example/%C3%A9?q=%7Ba%7Cb%7D%5B0%5D"),
            ("https://a.example/x", "https://b.example/100%/%2F", "https://b.example/100%25/%2F"),
            ("https://a.example/x", "\\\\b.example\\p", "https://a.example/%5C%5Cb.example%5Cp"),
            ("https://a.example/x", "/\\b.example/p", "https://a.example/%5Cb.example/p"),
            // Where a host stands nothing is made good.
            ("https://a.example/x", "https://b.example\\@c.example/p", "https://b.example\\@c.example/p"),
            ("https://a.example/x", "//b c.example/p", "//b c.example/p"),
            ("https://a.example/x", "/a\tb", "/a\tb"),
        ] {
            assert_eq!(join(base, target), joined);
        }
    }

    #[test]
    fn only_https_and_this_machine_are_asked() {
        for url in [
            "https://a.example/x",
            "HTTPS://a.example/x",
            "https://a.example:8443/x",
            "https://a.example/who@where",
            "http://127.0.0.1:80/x",
            "http://localhost",
            "HTTP://LocalHost/",
            "http://[::1]:8080/x",
        ] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
        for url in [
            "http://a.example",
            "ftp://a",
            "file:///etc/passwd",
            "http://127.0.0.1.a.example/",
            "http://localhost.a/",
            "http://localhost:x@a.example/",
            "http://localhost@a.example/",
            "http://127.0.0.1:80@a.example/",
            "http://[::1]@a.example/",
            "http://[::1].a.example/",
            "http://localhost:80:90/",
            "http://localhost\\@a.example/",
            "http://localhost\t.a.example/",
            "http:///a.example/",
            "https://user:pass@a.example/",
            "https://user@a.example/",
            "https://",
            "https:///x",
            "https://:443/x",
            "https://a.example:no/x",
            "://a.example/",
            "x",
        ] {
            assert!(check(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_redirect_never_leaves_https() {
        let here = "http://127.0.0.1:80/x";
        assert!(check_redirect("https://a.example/", "https://b.example/").is_ok());
        assert!(check_redirect(here, "https://b.example/").is_ok());
        assert!(check_redirect(here, here).is_ok());
        assert!(check_redirect("https://a.example/", here).is_err());
        assert!(check_redirect("https://a.example/", "http://localhost:x@b.example/").is_err());
    }

    #[test]
    fn what_is_as_good_as_a_password_is_not_shown() {
        for (address, as_shown) in [
            ("https://u:p@a.example/x", "https://[secret]@a.example/x"),
            (
                "https://a.example/x?X-Amz-Signature=abc&v=1#top",
                "https://a.example/x?X-Amz-Signature=[secret]&v=1#top",
            ),
            ("https://a.example/x?sv=2020&sig=ab%2F", "https://a.example/x?sv=2020&sig=[secret]"),
            ("https://a.example/x?private_token=abc", "https://a.example/x?private_token=[secret]"),
            ("https://a.example/x?q=0123456789abcdef0123456789", "https://a.example/x?q=[secret]"),
            ("https://a.example/x?accessToken=abc", "https://a.example/x?accessToken=[secret]"),
            ("https://a.example/x?accesstoken=abc", "https://a.example/x?accesstoken=[secret]"),
            ("https://a.example/x?AWSAccessKeyId=abc", "https://a.example/x?AWSAccessKeyId=[secret]"),
            (
                "https://a.example/x?id=3f2504e0-4f89-41d3-9a0c-0305e82c3301",
                "https://a.example/x?id=[secret]",
            ),
            ("https://a.example/x?id=aB3-dE5_gH7-jK9_mN1-pQ3_sT5", "https://a.example/x?id=[secret]"),
            ("https://u:p p@a.example/x", "https://[secret]@a.example/x"),
            ("https://u:p/p p@a.example/x", "https://[secret]@a.example/x"),
            ("https://u:p?p p@a.example/x", "https://[secret]"),
            ("https://a.example/x y?token=a", "https://a.example/x y?[secret]"),
        ] {
            assert_eq!(shown(address), as_shown);
            assert!(is_incomplete(&shown(address)));
        }
        for address in [
            "https://a.example/x",
            "https://a.example/x?raw=true&file=hello-0.3.0-x86_64-linux.tar.gz",
            "https://a.example/x?token=",
            "https://a.example/hello plugin.tar.gz",
            "https://a.example/x?keyword=stable&author=me&design=compass&monkey=1",
            "https://a.example/x?file=hello-0-3-0-x86_64-unknown-linux-gnu",
            "https://a.example/x?at=2026-11-27T08:12:00-2026-11-28",
            "path:/a?token=b",
        ] {
            assert_eq!(shown(address), address);
        }
    }
}
