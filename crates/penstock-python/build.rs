//! Gives the core the name of its build: the version, and a hash of all that it is made of.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// Offset and prime of FNV-1a, which tells builds apart and protects from nothing.
const FNV: (u64, u64) = (0xcbf2_9ce4_8422_2325, 0x0100_0000_01b3);

fn main() -> Result<(), Box<dyn Error>> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = vec![crates.join("../Cargo.toml"), crates.join("../Cargo.lock")];
    for entry in fs::read_dir(&crates)? {
        let folder = entry?.path();
        if folder.join("src").is_dir() {
            files.push(folder.join("Cargo.toml"));
            add_files(&folder.join("src"), &mut files)?;
        }
    }
    // In an order that is the same wherever it is built; the names of folders around them are not.
    files.sort();
    let hash = files.iter().filter_map(|file| fs::read(file).ok()).fold(FNV.0, |hash, text| hashed(hash, &text));
    for file in &files {
        println!("cargo:rerun-if-changed={}", file.display());
    }
    println!("cargo:rustc-env=PENSTOCK_BUILD={}+{:08x}", env!("CARGO_PKG_VERSION"), hash >> 32);
    Ok(())
}

fn add_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            add_files(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn hashed(hash: u64, text: &[u8]) -> u64 {
    text.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(FNV.1))
}
