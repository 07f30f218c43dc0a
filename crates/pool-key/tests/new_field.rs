//! Does a new field of a description compile before both keys have said what becomes of it?
//!
//! Each case is the crate's own source with the field added and a change to `Description::keys`, given to the compiler.

use std::{fs, path::Path, process::Command};

/// A change to a source: what is there, exactly once, and what takes its place.
type Change = (&'static str, &'static str);

/// The field, and its value where the source has to give it one.
const FIELD: [Change; 2] = [
    (
        "    pub epoch: Epoch,\n}",
        "    pub epoch: Epoch,\n    pub shade: u32,\n}",
    ),
    (
        "            epoch: Epoch(0),\n        }",
        "            epoch: Epoch(0),\n            shade: 0,\n        }",
    ),
];

/// Where a description is unpacked for a key there is no field yet, so that it has to be given one too.
const UNPACKED: Change = (
    "            epoch: self.epoch(),\n        }",
    "            epoch: self.epoch(),\n            shade: 0,\n        }",
);

const IN_CONNECTION: Change = (
    "                epoch,\n            } = *self;\n            ConnectionKey(",
    "                epoch,\n                shade,\n            } = *self;\n            let epoch = Epoch(epoch.0 ^ u64::from(shade));\n            ConnectionKey(",
);

const IN_SESSION: Change = (
    "                epoch,\n            } = *self;\n            SessionKey(",
    "                epoch,\n                shade,\n            } = *self;\n            let epoch = Epoch(epoch.0 ^ u64::from(shade));\n            SessionKey(",
);

const UNUSED_IN_SESSION: Change = (
    IN_SESSION.0,
    "                epoch,\n                shade,\n            } = *self;\n            SessionKey(",
);

const LEFT_OUT_OF_SESSION: Change = (
    IN_SESSION.0,
    "                epoch,\n                shade: _,\n            } = *self;\n            SessionKey(",
);

const MISSING: &str = "error[E0027]: pattern does not mention field `shade`";
const UNUSED: &str = "error: unused variable: `shade`";

#[test]
fn a_field_that_a_key_says_nothing_of_does_not_compile() {
    let table: [(&str, &[Change], &[&str]); 6] = [
        ("neither", &[], &[MISSING, MISSING]),
        ("connection_only", &[IN_CONNECTION], &[MISSING]),
        ("session_only", &[IN_SESSION], &[MISSING]),
        ("both", &[IN_CONNECTION, IN_SESSION], &[]),
        (
            "named_and_unused",
            &[IN_CONNECTION, UNUSED_IN_SESSION],
            &[UNUSED],
        ),
        (
            "left_out_by_name",
            &[IN_CONNECTION, LEFT_OUT_OF_SESSION],
            &[],
        ),
    ];
    for (name, in_keys, expected) in table {
        let in_keys = [&[UNPACKED], in_keys].concat();
        let errors = compile(name, &FIELD, &in_keys);
        assert_eq!(errors.len(), expected.len(), "{name}: {errors:?}");
        for (error, expected) in errors.iter().zip(expected) {
            assert!(error.starts_with(expected), "{name}: {error}");
        }
    }
}

#[test]
fn the_source_as_it_is_compiles() {
    assert!(compile("as_it_is", &[], &[]).is_empty());
}

/// The errors in compiling the description and the keys with these changes.
fn compile(name: &str, in_description: &[Change], in_keys: &[Change]) -> Vec<String> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&place).expect("a directory");
    for (file, changes) in [
        ("id.rs", &[][..]),
        ("description.rs", in_description),
        ("key.rs", in_keys),
    ] {
        fs::write(place.join(file), changed(file, changes)).expect("a file");
    }
    let root = "mod description;\nmod id;\nmod key;\npub use {description::*, id::*, key::*};\n";
    fs::write(place.join("lib.rs"), root).expect("a file");
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(compiler)
        .current_dir(&place)
        .args("--edition 2024 --crate-type lib --emit metadata --error-format short".split(' '))
        .args(["--cap-lints", "deny", "lib.rs"])
        .output()
        .expect("the compiler of these tests is at hand");
    let said = String::from_utf8(output.stderr).expect("text");
    let errors: Vec<String> = said
        .lines()
        .filter_map(|line| Some(line.split_once(": error")?.1))
        .map(|error| format!("error{error}"))
        .collect();
    assert_eq!(output.status.success(), errors.is_empty(), "{said}");
    errors
}

/// One of the crate's sources with these changes.
fn changed(file: &str, changes: &[Change]) -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
    let mut text = fs::read_to_string(source).expect("it is there");
    for (is, becomes) in changes {
        assert_eq!(text.matches(is).count(), 1, "{file} has, once: {is}");
        text = text.replacen(is, becomes, 1);
    }
    text
}
