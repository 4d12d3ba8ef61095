//! A package archive.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

const GZIP: &[u8] = &[0x1f, 0x8b];
const BLOCK: usize = 512;
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// Unpacks what is compressed as it is; what is not, with the checksums that its changed headers should have, for
/// nothing behind a wrong one is read.
///
/// # Panics
/// Something else than plain files comes of it, or more than the limits allow.
pub fn check(bytes: &[u8]) -> bool {
    if bytes.starts_with(GZIP) {
        seqera_host::fuzz::archive(bytes)
    } else {
        packed(bytes).is_ok_and(|packed| seqera_host::fuzz::archive(&packed))
    }
}

fn packed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = bytes.to_vec();
    for block in bytes.chunks_exact_mut(BLOCK).filter(|block| block[257..].starts_with(b"ustar")) {
        block[CHECKSUM].fill(b' ');
        let sum: u32 = block.iter().copied().map(u32::from).sum();
        block[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(&bytes)?;
    encoder.finish()
}
