//! Addresses of packages and indexes: which ones are asked, and how they are written down.

use std::borrow::Cow;

const MASK: &str = "[secret]";
/// Where nobody listens in.
const THIS_MACHINE: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// An address, taken apart as far as it is judged here.
struct Address<'a> {
    scheme: &'a str,
    /// Host and port, and a name with a password before them.
    authority: &'a str,
    /// Path, parameters, fragment.
    rest: &'a str,
}

impl<'a> Address<'a> {
    /// `None`: it is a path.
    fn parse(text: &'a str) -> Option<Self> {
        let (scheme, after) = text.split_once("://")?;
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        if scheme.is_empty() || !scheme.chars().all(is_scheme) {
            return None;
        }
        let end = after.find(['/', '?', '#', '\\']).unwrap_or(after.len());
        let (authority, rest) = after.split_at(end);
        Some(Self { scheme, authority, rest })
    }

    fn is_encrypted(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("https")
    }

    /// The host without its port; `None` when the port is no number.
    fn host(&self) -> Option<&'a str> {
        let host_end = self.authority.rfind(']').map_or(0, |at| at + 1);
        let Some(colon) = self.authority[host_end..].find(':') else { return Some(self.authority) };
        let (host, port) = self.authority.split_at(host_end + colon);
        port[1..].bytes().all(|byte| byte.is_ascii_digit()).then_some(host)
    }
}

/// Whether it is an address, and no path.
pub fn is_address(text: &str) -> bool {
    Address::parse(text).is_some()
}

/// Whether plugins may come from there.
///
/// # Errors
/// Why not.
pub fn check(text: &str) -> Result<(), &'static str> {
    let address = Address::parse(text).ok_or("it is no address")?;
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err("there is a character in it that addresses do not have");
    }
    if address.authority.contains('@') {
        return Err("a name or a password in an address would be written down in many places");
    }
    let host = address.host().ok_or("its port is no number")?;
    if host.is_empty() {
        return Err("it names no host");
    }
    let is_here = || {
        address.scheme.eq_ignore_ascii_case("http")
            && THIS_MACHINE.iter().any(|name| host.eq_ignore_ascii_case(name))
    };
    if address.is_encrypted() || is_here() { Ok(()) } else { Err("plugins come over https only") }
}

/// Whether a server may lead from one address to another.
///
/// # Errors
/// Why not.
pub fn check_redirect(from: &str, to: &str) -> Result<(), &'static str> {
    let is_encrypted = |text| Address::parse(text).is_some_and(|address| address.is_encrypted());
    if is_encrypted(from) && !is_encrypted(to) {
        return Err("plugins come over https only, and it leads elsewhere");
    }
    check(to)
}

/// The address that `target`, absolute or not, stands for on the page `base`.
pub fn join(base: &str, target: &str) -> String {
    if is_address(target) {
        return target.to_owned();
    }
    let after_scheme = base.find("://").map_or(0, |at| at + 3);
    let path_at = base[after_scheme..].find(['/', '?', '#']).map_or(base.len(), |at| after_scheme + at);
    let (origin, path) = base.split_at(path_at);
    if let Some(host) = target.strip_prefix("//") {
        return format!("{}//{host}", &base[..after_scheme.saturating_sub(2)]);
    }
    if target.starts_with('/') {
        return format!("{origin}{target}");
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let directory = path.rfind('/').map_or("/", |at| &path[..=at]);
    format!("{origin}{directory}{target}")
}

/// As receipts, the lock, the audit and people may see it: an address that was signed for somebody is as good as a
/// password.
pub fn shown(text: &str) -> Cow<'_, str> {
    let Some(address) = Address::parse(text) else { return Cow::Borrowed(text) };
    let (name, host) = address.authority.rsplit_once('@').unwrap_or(("", address.authority));
    let (rest, fragment) = address.rest.split_once('#').unwrap_or((address.rest, ""));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let parameters: Vec<Cow<'_, str>> = query.split('&').map(parameter).collect();
    let is_plain = parameters.iter().all(|parameter| matches!(parameter, Cow::Borrowed(_)));
    if name.is_empty() && is_plain {
        return Cow::Borrowed(text);
    }
    let mut shown = format!("{}://", address.scheme);
    if !name.is_empty() {
        shown = shown + MASK + "@";
    }
    shown = shown + host + path;
    if !query.is_empty() {
        shown = shown + "?" + &parameters.join("&");
    }
    if !fragment.is_empty() {
        shown = shown + "#" + fragment;
    }
    Cow::Owned(shown)
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

fn is_of_a_secret(name: &str) -> bool {
    const PARTS: &str = "sig token secret pass key credential auth policy";
    let name = name.to_ascii_lowercase();
    PARTS.split(' ').any(|part| name.contains(part))
}

/// Nobody names a file, or a version, in so many letters and numbers without a point.
fn looks_random(value: &str) -> bool {
    value.len() >= 24 && value.contains(|c: char| c.is_ascii_digit()) && !value.contains('.')
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
        ] {
            assert_eq!(shown(address), as_shown);
            assert!(is_incomplete(&shown(address)));
        }
        for address in [
            "https://a.example/x",
            "https://a.example/x?raw=true&file=hello-0.3.0-x86_64-linux.tar.gz",
            "https://a.example/x?token=",
            "path:/a?token=b",
        ] {
            assert_eq!(shown(address), address);
        }
    }
}
