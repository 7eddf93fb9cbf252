//! Which certificates are for which name.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use penstock_plan::UnknownName;

use super::Asked;

/// Positions of a listener's certificates by the names they are for.
#[derive(Debug)]
pub(crate) struct CertificateNames {
    exact: HashMap<Box<str>, Vec<usize>, RandomState>,
    /// By what follows the star and its dot.
    wildcards: HashMap<Box<str>, Vec<usize>, RandomState>,
    /// Those for clients that ask for nothing: the first, and what stands in for it with another kind of key.
    usual: Vec<usize>,
    unknown: UnknownName,
}

impl CertificateNames {
    /// Of certificates in their order, each with the names it is for.
    pub(crate) fn new<'a>(certificates: impl Iterator<Item = &'a [String]>, unknown: UnknownName) -> Self {
        let (exact, wildcards) = (HashMap::default(), HashMap::default());
        let mut found = Self { exact, wildcards, usual: vec![0], unknown };
        let mut of_first: &[String] = &[];
        for (index, names) in certificates.enumerate() {
            for name in names {
                let (map, name) = match name.strip_prefix("*.") {
                    Some(rest) => (&mut found.wildcards, rest),
                    None => (&mut found.exact, name.as_str()),
                };
                map.entry(name.into()).or_default().push(index);
            }
            if index == 0 {
                of_first = names;
            } else if names.iter().any(|name| of_first.contains(name)) {
                found.usual.push(index);
            }
        }
        found
    }

    /// The certificates that are for a name: by its whole, else by all but its first label.
    fn named(&self, name: &str) -> &[usize] {
        let exact = self.exact.get(name);
        let found = exact.or_else(|| self.wildcards.get(name.split_once('.')?.1));
        found.map_or(&[], |found| found)
    }

    /// The certificates of which one is shown to a client; empty: it is refused.
    pub(crate) fn fitting(&self, name: Option<&str>) -> &[usize] {
        match (name.map(|name| self.named(name)), self.unknown) {
            (Some(found), _) if !found.is_empty() => found,
            // Who names nothing asks for no other certificate.
            (Some(_), UnknownName::Refuse) => &[],
            _ => &self.usual,
        }
    }

    /// Whether a request for a host came by a connection that was made for another certificate (B20).
    ///
    /// Only a host that some certificate is for belongs elsewhere; others are the router's to refuse.
    pub(crate) fn is_misdirected(&self, asked: &Asked, host: &str) -> bool {
        let of_host = self.named(host);
        !asked.name.is_empty()
            && *asked.name != *host
            && !of_host.is_empty()
            && !asked.shown.is_some_and(|shown| of_host.contains(&shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(unknown: UnknownName) -> CertificateNames {
        let certificates: [&[&str]; 4] =
            [&["a.test", "*.a.test"], &["b.test"], &["a.test"], &["b.test", "c.a.test", "*.b.test"]];
        let certificates = certificates.map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>());
        CertificateNames::new(certificates.iter().map(Vec::as_slice), unknown)
    }

    #[test]
    fn l8_every_certificate_for_a_name_is_found_and_the_whole_name_decides_first() {
        let names = names(UnknownName::First);
        let cases: [(Option<&str>, &[usize]); 8] = [
            (Some("a.test"), &[0, 2]),
            (Some("x.a.test"), &[0]),
            (Some("c.a.test"), &[3]),
            (Some("b.test"), &[1, 3]),
            (Some("x.b.test"), &[3]),
            (Some("x.y.b.test"), &[0, 2]),
            (Some("test"), &[0, 2]),
            (None, &[0, 2]),
        ];
        for (name, expected) in cases {
            assert_eq!(names.fitting(name), expected, "{name:?}");
        }
    }

    #[test]
    fn l8_an_unknown_name_may_be_refused_and_none_is_not() {
        let names = names(UnknownName::Refuse);
        assert!(names.fitting(Some("x.y.b.test")).is_empty());
        assert_eq!(names.fitting(None), [0, 2]);
    }

    #[test]
    fn b20_either_certificate_of_a_name_serves_its_requests() {
        let names = names(UnknownName::First);
        let asked = |name: &str, shown| Asked { name: name.into(), shown: Some(shown) };
        assert!(!names.is_misdirected(&asked("b.test", 1), "b.test"));
        assert!(!names.is_misdirected(&asked("x.a.test", 0), "a.test"));
        assert!(!names.is_misdirected(&asked("c.a.test", 3), "b.test"));
        assert!(names.is_misdirected(&asked("b.test", 1), "a.test"));
        assert!(!names.is_misdirected(&asked("b.test", 1), "elsewhere.test"));
        assert!(!names.is_misdirected(&asked("", 1), "a.test"));
    }
}
