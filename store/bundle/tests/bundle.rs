//! What is written is read, and whatever else somebody wrote is found or refused.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rescience_bundle::layout::{self, Member};
use rescience_bundle::{Bundle, BundleError, Depth, Finding, Writer, manifest, verify};
use rescience_digest::{Digest, Hashed};
use tempfile::TempDir;

/// A bundle of a few files at `name` in a folder.
fn write(folder: &Path, name: &str, files: &[(&str, Vec<u8>)]) -> PathBuf {
    let path = folder.join(name);
    let mut writer = Writer::create(&path).unwrap();
    for (name, bytes) in files {
        let size = bytes.len() as u64;
        writer.add_file(name, &mut bytes.as_slice(), size, name.ends_with(".sh")).unwrap();
    }
    let digest = writer.finish().unwrap();
    let list = Bundle::open(&path).unwrap().read(manifest::BLAKE3).unwrap().unwrap();
    assert_eq!(digest, Digest::of(&list));
    path
}

fn small() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("README.md", b"read me\n".to_vec()),
        ("experiment/run.sh", b"echo 1\n".to_vec()),
        ("paper/\u{e4}.typ", b"text".to_vec()),
        ("empty", Vec::new()),
    ]
}

/// Bytes that look random, and are the same every time.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..len).map(|_| next() as u8).collect()
}

/// Whether anything at all is wrong with the bundle, and in which files.
fn wrong(path: &Path) -> Result<Vec<String>, BundleError> {
    wrong_at(path, Depth::Both)
}

fn wrong_at(path: &Path, depth: Depth) -> Result<Vec<String>, BundleError> {
    let verified = verify(&Bundle::open(path)?, depth, |_, _| {})?;
    Ok(verified.findings.iter().map(|finding| finding.file().to_owned()).collect())
}

/// Why a file is refused.
fn refusal(path: &Path) -> String {
    match wrong(path) {
        Err(BundleError::Refused { reason, .. }) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_bundle_is_the_same_whenever_and_wherever_it_is_written() {
    let (here, there) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let first = write(here.path(), "a.zip", &small());
    let second = write(there.path(), "another name.zip", &small());
    assert_eq!(fs::read(&first).unwrap(), fs::read(second).unwrap());
    assert_eq!(wrong(&first).unwrap(), [""; 0]);
    let bundle = Bundle::open(&first).unwrap();
    assert_eq!(bundle.read("paper/\u{e4}.typ").unwrap().unwrap(), b"text");
    assert!(bundle.executable("experiment/run.sh") && !bundle.executable("README.md"));
    assert_eq!(bundle.read("nothing").unwrap(), None);
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 1, "no draft is left");
}

#[test]
fn what_a_writer_drops_it_does_not_leave() {
    let temp = TempDir::new().unwrap();
    let mut writer = Writer::create(&temp.path().join("a.zip")).unwrap();
    writer.add("a", b"1").unwrap();
    assert!(writer.add("A", b"2").unwrap_err().to_string().contains("case"));
    drop(writer);
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
}

/// Flips each of `bits`, one at a time, in a copy of a bundle, and says which files are named.
fn flip(
    path: &Path,
    depth: Depth,
    bits: impl Iterator<Item = usize>,
    mut each: impl FnMut(usize, Vec<String>),
) {
    let whole = fs::read(path).unwrap();
    let copy = tempfile::NamedTempFile::new().unwrap();
    fs::write(copy.path(), &whole).unwrap();
    for bit in bits {
        let at = bit / 8;
        let write = |byte: u8| copy.as_file().write_all_at(&[byte], at as u64).unwrap();
        write(whole[at] ^ 1 << (bit % 8));
        match wrong_at(copy.path(), depth) {
            Ok(found) => {
                assert!(!found.is_empty(), "bit {bit}");
                each(bit, found);
            }
            Err(error) => assert!(matches!(error, BundleError::Refused { .. }), "{error}"),
        }
        write(whole[at]);
    }
    assert_eq!(wrong(copy.path()).unwrap(), [""; 0]);
}

/// A bundle of 50 KB: in the one large file the right name is told every time.
#[test]
fn every_bit_that_flips_is_found() {
    const LARGE: usize = 48_000;
    let temp = TempDir::new().unwrap();
    let mut files = small();
    files.push(("results.json", noise(7, LARGE)));
    let path = write(temp.path(), "a.zip", &files);
    let whole = fs::read(&path).unwrap();
    let start = whole.windows(8).position(|bytes| bytes == &noise(7, 8)[..]).unwrap();
    let inside = |bit: &usize| (start..start + LARGE).contains(&(bit / 8));
    let threads = std::thread::available_parallelism().unwrap().get();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (path, bits) = (&path, (thread..whole.len() * 8).step_by(threads));
            scope.spawn(move || {
                flip(path, Depth::Both, bits, |bit, found| {
                    if inside(&bit) {
                        assert_eq!(found[0], "results.json", "bit {bit}");
                    }
                });
            });
        }
    });
}

/// A bundle as projects have them: a recipe, pages, records, and a large file of results.
fn realistic(folder: &Path) -> PathBuf {
    let mut files = vec![
        ("rescience.toml".to_owned(), b"[project]\nname = \"toy\"\n".repeat(20)),
        ("paper/main.typ".to_owned(), "We find 12 \u{2713}.\n".repeat(300).into_bytes()),
        ("made/main.pdf".to_owned(), noise(11, 120_000)),
        ("made/experiment/a/results.json".to_owned(), b"{\"loss\":[1,2]}\n".to_vec()),
        // What is large is hashed in another way.
        ("data/points.bin".to_owned(), noise(12, (1 << 20) + 77)),
        ("empty".to_owned(), Vec::new()),
    ];
    for nth in 0..40 {
        let object = noise(100 + nth, 2_000 + nth as usize);
        files.push((format!("objects/{}", Digest::of(&object).hex()), object));
        let trace = format!("{{\"action\":\"experiment.a#{nth}\",\"inputs\":{{}}}}\n").into_bytes();
        files.push((format!("traces/{}.json", Digest::of(&trace).hex()), trace));
    }
    let files: Vec<(&str, Vec<u8>)> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    write(folder, "real.zip", &files)
}

#[test]
fn random_bits_and_truncations_are_found_quickly() {
    let temp = TempDir::new().unwrap();
    let path = realistic(temp.path());
    let members = layout::members(&mut fs::File::open(&path).unwrap(), &path).unwrap();
    let size = fs::metadata(&path).unwrap().len();
    let random = noise(3, 8 * 2200);
    let random = random.chunks(8).map(|it| u64::from_le_bytes(it.try_into().unwrap()));
    let mut random = random.collect::<Vec<u64>>();
    let mut lengths: Vec<u64> = random.split_off(2000).iter().map(|it| it % size).collect();
    let threads = std::thread::available_parallelism().unwrap().get();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (path, members) = (&path, &members);
            let bits = random.iter().skip(thread).step_by(threads);
            let bits = bits.map(|it| (it % (size * 8)) as usize);
            scope.spawn(move || {
                flip(path, Depth::Quick, bits, |bit, found| {
                    let at = bit as u64 / 8;
                    let inside = |it: &&Member| (it.start()..it.start() + it.size).contains(&at);
                    // A flip in the list that stands for all may look like one in what it lists.
                    if let Some(member) = members.iter().find(inside)
                        && member.name != manifest::BLAKE3
                    {
                        assert!(found.contains(&member.name), "bit {bit}: {found:?}");
                    }
                });
            });
        }
    });
    let file = fs::File::options().write(true).open(&path).unwrap();
    lengths.sort_unstable_by(|a, b| b.cmp(a));
    for length in lengths {
        file.set_len(length).unwrap();
        refusal(&path);
    }
}

/// The lists are right, and the checksum that other tools compare is not.
#[test]
fn a_wrong_checksum_is_found_in_large_files_too() {
    let temp = TempDir::new().unwrap();
    // Of so many smaller ones both digests are taken, of the two last ones the first.
    let names: Vec<String> = (0..35).map(|n| format!("part-{n:02}")).collect();
    for (name, size) in [("small", 100), ("middle", 1_000_000), ("large", 2 << 20)] {
        let parts = names.iter().map(|name| (name.as_str(), noise(9, 999_999)));
        let files: Vec<_> = parts.chain([(name, noise(5, size))]).collect();
        let path = write(temp.path(), "a.zip", &files);
        let mut whole = fs::read(&path).unwrap();
        let crc = crc32fast::hash(&noise(5, size)).to_le_bytes();
        let places = whole.windows(4).enumerate().filter(|(_, bytes)| *bytes == crc);
        let places: Vec<usize> = places.map(|(at, _)| at).collect();
        assert_eq!(places.len(), 2, "before the file and in the directory");
        for at in places {
            whole[at] ^= 1;
        }
        fs::write(&path, whole).unwrap();
        for depth in [Depth::Quick, Depth::Both] {
            let found = verify(&Bundle::open(&path).unwrap(), depth, |_, _| {}).unwrap().findings;
            let expected = Finding::Checksum { file: name.to_owned() };
            assert_eq!(found.into_iter().collect::<Vec<_>>(), [expected]);
        }
    }
}

/// Beyond 32 MiB the larger files are hashed once: what changes in them is found and named all the
/// same, alone or with others, and what only the list of SHA-256 digests says of them is left to
/// `Depth::Both`.
#[test]
fn what_is_hashed_once_is_compared_all_the_same() {
    let temp = TempDir::new().unwrap();
    let names: Vec<String> = (0..35).map(|n| format!("part-{n:02}")).collect();
    let parts = names.iter().zip(0..).map(|(name, n)| (name.as_str(), noise(n, 1_000_000)));
    let files: Vec<_> = parts.chain([("large", noise(40, 2 << 20))]).collect();
    let path = write(temp.path(), "a.zip", &files);
    let folder = temp.path().join("unpacked");
    Bundle::open(&path).unwrap().unpack(&folder).unwrap();
    let check = |depth| verify(&Bundle::open(&folder).unwrap(), depth, |_, _| {}).unwrap();
    let quick = check(Depth::Quick);
    assert_eq!((quick.findings.len(), quick.claimed), (0, 3), "two parts and the large one");
    assert_eq!(check(Depth::Both).claimed, 0);
    for changed in ["part-34", "large"] {
        let file = folder.join(changed);
        let was = fs::read(&file).unwrap();
        let mut bytes = was.clone();
        bytes[999_999] ^= 1;
        fs::write(&file, bytes).unwrap();
        let found = check(Depth::Quick).findings;
        let is = |it: &Finding| matches!(it, Finding::Changed { file, .. } if file == changed);
        assert!(found.len() == 1 && found.iter().all(is), "{found:?}");
        fs::write(&file, was).unwrap();
    }
}

#[test]
fn every_truncation_and_every_trailing_byte_is_refused() {
    let temp = TempDir::new().unwrap();
    let path = write(temp.path(), "a.zip", &small());
    let whole = fs::read(&path).unwrap();
    for len in 0..whole.len() {
        fs::write(&path, &whole[..len]).unwrap();
        refusal(&path);
    }
    fs::write(&path, [&whole[..], b"\0"].concat()).unwrap();
    assert!(refusal(&path).contains("something follows"));
    fs::write(&path, [b"#!/bin/sh\n", &whole[..]].concat()).unwrap();
    assert!(refusal(&path).contains("not where its end says"));
}

#[test]
fn an_unpacked_bundle_is_checked_like_the_zip() {
    let temp = TempDir::new().unwrap();
    let bundle = Bundle::open(&write(temp.path(), "a.zip", &small())).unwrap();
    let folder = temp.path().join("unpacked");
    for name in bundle.names() {
        let to = folder.join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, bundle.read(name).unwrap().unwrap()).unwrap();
    }
    assert_eq!(wrong(&folder).unwrap(), [""; 0]);
    // A build's views are no part of the bundle.
    fs::create_dir(folder.join("out")).unwrap();
    fs::write(folder.join("out/main.pdf"), "x").unwrap();
    assert_eq!(wrong(&folder).unwrap(), [""; 0]);
    fs::write(folder.join("more"), "x").unwrap();
    fs::remove_file(folder.join("empty")).unwrap();
    fs::write(folder.join("README.md"), "reed me\n").unwrap();
    let found = verify(&Bundle::open(&folder).unwrap(), Depth::Quick, |_, _| {}).unwrap().findings;
    let said: Vec<String> = found.iter().map(ToString::to_string).collect();
    let (was, is) = (Digest::of(b"read me\n"), Digest::of(b"reed me\n"));
    let changed = format!("`README.md` was changed: expected {was}, found {is}");
    assert!(said.contains(&changed), "{said:?}");
    assert!(said.iter().any(|it| it.starts_with("`empty` is missing")), "{said:?}");
    assert!(said.iter().any(|it| it.starts_with("`more` is not in")), "{said:?}");
    std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
    assert!(refusal(&folder).contains("`link` is neither"));
}

/// A zip made by hand, so that it can lie where a writer cannot.
#[derive(Clone)]
struct Forged {
    name: &'static str,
    local: &'static str,
    mode: u32,
    method: u16,
    bytes: Vec<u8>,
    size: u32,
    offset: Option<u32>,
}

fn forged(name: &'static str) -> Forged {
    let bytes = b"payload".to_vec();
    Forged { name, local: name, mode: 0o100_644, method: 0, size: 7, bytes, offset: None }
}

fn forge(files: &[Forged]) -> Vec<u8> {
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    for file in files {
        let offset = file.offset.unwrap_or(zip.len() as u32);
        let flags: u16 = if file.name.is_ascii() { 0 } else { 1 << 11 };
        let mut fields = Vec::new();
        fields.extend(10u16.to_le_bytes());
        fields.extend(flags.to_le_bytes());
        fields.extend(file.method.to_le_bytes());
        fields.extend(0x0021_0000u32.to_le_bytes());
        fields.extend(crc32fast::hash(&file.bytes).to_le_bytes());
        fields.extend((file.bytes.len() as u32).to_le_bytes());
        fields.extend(file.size.to_le_bytes());
        let length = |name: &str| (name.len() as u16).to_le_bytes();
        zip.extend(b"PK\x03\x04");
        zip.extend(&fields);
        zip.extend(length(file.local));
        zip.extend([0, 0]);
        zip.extend(file.local.as_bytes());
        zip.extend(&file.bytes);
        directory.extend(b"PK\x01\x02");
        directory.extend((3u16 << 8 | 10).to_le_bytes());
        directory.extend(&fields);
        directory.extend(length(file.name));
        directory.extend([0; 8]);
        directory.extend((file.mode << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(file.name.as_bytes());
    }
    let start = zip.len() as u32;
    zip.extend(&directory);
    zip.extend(b"PK\x05\x06\0\0\0\0");
    zip.extend((files.len() as u16).to_le_bytes());
    zip.extend((files.len() as u16).to_le_bytes());
    zip.extend((directory.len() as u32).to_le_bytes());
    zip.extend(start.to_le_bytes());
    zip.extend([0, 0]);
    zip
}

fn refused(files: &[Forged]) -> String {
    let temp = TempDir::new().unwrap();
    let path = temp.path().join("a.zip");
    fs::write(&path, forge(files)).unwrap();
    refusal(&path)
}

#[test]
fn a_forged_zip_without_a_lie_is_taken() {
    let temp = TempDir::new().unwrap();
    let path = temp.path().join("a.zip");
    let empty = Forged { bytes: Vec::new(), size: 0, ..forged(manifest::BLAKE3) };
    let lists =
        [empty.clone(), Forged { name: manifest::SHA256, local: manifest::SHA256, ..empty }];
    fs::write(&path, forge(&lists)).unwrap();
    Bundle::open(&path).unwrap();
}

#[test]
fn paths_that_lead_out_are_refused() {
    for (name, why) in [
        ("../../etc/passwd", "leaves its folder"),
        ("a/../../b", "leaves its folder"),
        ("/etc/passwd", "absolute"),
        ("C:/windows", "colon"),
        ("a\\..\\b", "backslash"),
        ("folder/", "directory"),
    ] {
        assert!(refused(&[forged(name)]).contains(why), "{name}");
    }
}

#[test]
fn two_files_under_one_path_are_refused() {
    assert!(refused(&[forged("a"), forged("a")]).contains("twice"));
    assert!(refused(&[forged("Read.me"), forged("read.ME")]).contains("only in case"));
    assert!(refused(&[forged("a"), forged("a/b")]).contains("`a` is a file"));
}

#[test]
fn links_and_folders_and_devices_are_refused() {
    for (mode, why) in [
        (0o120_777, "symbolic link"),
        (0o040_755, "directory"),
        (0o020_666, "mode"),
        (0o104_755, "mode"),
    ] {
        assert!(refused(&[Forged { mode, ..forged("a") }]).contains(why), "{mode:o}");
    }
}

#[test]
fn what_could_unfold_is_refused() {
    let bomb = Forged { method: 8, size: u32::MAX - 1, ..forged("a") };
    assert!(refused(&[bomb]).contains("compressed"));
    let two = Forged { size: 1 << 30, ..forged("a") };
    assert!(refused(&[two]).contains("two sizes"));
}

#[test]
fn files_that_overlap_or_leave_gaps_are_refused() {
    let overlap = Forged { offset: Some(0), ..forged("b") };
    assert!(refused(&[forged("a"), overlap]).contains("overlaps"));
    let gap = Forged { offset: Some(5), ..forged("a") };
    assert!(refused(&[gap]).contains("gap"));
}

#[test]
fn two_names_for_one_file_are_refused() {
    let liar = Forged { local: "good.txt", ..forged("evil.txt") };
    assert!(refused(&[liar]).contains("does not agree"));
}

/// A bundle of one file whose lists name another too.
fn listing(folder: &Path, other: &str) -> PathBuf {
    let path = folder.join("a.zip");
    let list = |hex: &dyn Fn(&[u8]) -> String, files: &[(&str, &[u8])]| {
        let mut lines: Vec<_> = files.iter().map(|(name, bytes)| (*name, hex(bytes))).collect();
        lines.sort();
        let lines = lines.into_iter().map(|(name, hex)| format!("{hex}  {name}\n"));
        lines.collect::<String>().into_bytes()
    };
    let mut files = vec![("file", &b"payload"[..]), (other, b"root")];
    let sha256 = list(&|bytes| Hashed::of(bytes).sha256.to_string(), &files);
    files.push((manifest::SHA256, &sha256));
    let blake3 = list(&|bytes| Digest::of(bytes).hex(), &files);
    let lists = [(manifest::SHA256, sha256), (manifest::BLAKE3, blake3)].map(|(name, bytes)| {
        let size = bytes.len() as u32;
        Forged { bytes, size, ..forged(name) }
    });
    fs::write(&path, forge(&[&[forged("file")][..], &lists].concat())).unwrap();
    path
}

/// Files outside are there, and are no files of the bundle.
#[test]
fn what_only_a_list_names_is_not_taken_for_a_file() {
    let temp = TempDir::new().unwrap();
    fs::write(temp.path().join("secret"), "root").unwrap();
    let outside = temp.path().join("secret").to_str().unwrap().to_owned();
    for (name, why) in [
        (outside.as_str(), "the path is absolute"),
        ("../secret", "the path leaves its folder"),
        ("/dev/zero", "the path is absolute"),
        ("lost", "`lost` is missing"),
    ] {
        let bundle = Bundle::open(&listing(temp.path(), name)).unwrap();
        let error = bundle.unpack(&temp.path().join("unpacked")).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        let found = verify(&bundle, Depth::Quick, |_, _| {}).unwrap().findings;
        assert!(!found.is_empty(), "{name}");
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 2, "nothing is left");
    }
}
