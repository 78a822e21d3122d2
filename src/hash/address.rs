//! Network addresses as PostgreSQL's `host(inet)` writes them.

use std::net::{IpAddr, Ipv4Addr};

/// Writes an address as PostgreSQL's `host(inet)` does.
///
/// This is Rust's own form, except that an IPv6 address of 96 zero bits and then a 16-bit word that is not zero is
/// written dotted, like the obsolete IPv4-compatible addresses.
///
/// # Examples
///
/// ```
/// use opledger::hash::address_text;
///
/// assert_eq!(address_text(&"192.0.2.7".parse()?), "192.0.2.7");
/// assert_eq!(address_text(&"2001:DB8:0::1".parse()?), "2001:db8::1");
/// assert_eq!(address_text(&"::102:304".parse()?), "::1.2.3.4");
/// assert_eq!(address_text(&"::1234".parse()?), "::1234");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
pub fn address_text(ip: &IpAddr) -> String {
    if let IpAddr::V6(v6) = ip
        && let [0, 0, 0, 0, 0, 0, high, low] = v6.segments()
        && high != 0
    {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        return format!("::{}", Ipv4Addr::new(a, b, c, d));
    }
    ip.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each pair was printed by PostgreSQL 15's `host(inet)`.
    #[test]
    fn addresses_are_written_as_postgresql_does() {
        for (given, expected) in [
            ("0.0.0.0", "0.0.0.0"),
            ("255.255.255.255", "255.255.255.255"),
            ("::", "::"),
            ("::1", "::1"),
            ("::ffff", "::ffff"),
            ("::1:0", "::0.1.0.0"),
            ("::1.2.3.4", "::1.2.3.4"),
            ("::ffff:ffff", "::255.255.255.255"),
            ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
            ("::ffff:0:0", "::ffff:0.0.0.0"),
            ("::1:0:0", "::1:0:0"),
            ("2001:DB8:0:1:0:0:0:1", "2001:db8:0:1::1"),
            ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"),
            ("1:0:0:2:0:0:3:4", "1::2:0:0:3:4"),
            ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
        ] {
            assert_eq!(address_text(&given.parse().unwrap()), expected, "{given}");
        }
    }
}
