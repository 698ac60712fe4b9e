//! The command line tool: exit codes, and what goes where.

#![cfg(not(target_arch = "wasm32"))]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const POLICY: &str = "policies/demo/policy.yaml";
const POINT: &str = "policies/demo/enforcement-point.yaml";
const REFUSED: &str = "tests/manifests/refused/rules-empty.yaml";

fn accesspolicy(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_accesspolicy"));
    command.current_dir(ROOT).args(arguments).output().unwrap()
}

fn with_input(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_accesspolicy"))
        .current_dir(ROOT)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// A folder of its own for one test.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{test}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn a_policy_that_compiles_is_written_to_standard_output() {
    let output = accesspolicy(&["compile", POLICY, "--enforcement-point", POINT]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr(&output), "");
    assert!(stdout(&output).starts_with("{\n  \"schemaVersion\": 1,\n  \"digest\": \"sha256:"));
    assert!(stdout(&output).ends_with("}\n"));
}

#[test]
fn a_refused_policy_exits_1_and_writes_nothing() {
    let target = folder("refused").join("policy.json");
    fs::write(&target, "old").unwrap();
    let output = accesspolicy(&[
        "compile",
        REFUSED,
        "--enforcement-point",
        POINT,
        "-o",
        target.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), "");
    assert_eq!(fs::read_to_string(&target).unwrap(), "old");
    assert_eq!(fs::read_dir(target.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_file_is_replaced_whole() {
    let target = folder("output").join("policy.json");
    fs::write(&target, "old").unwrap();
    let path = target.to_str().unwrap();
    let arguments = ["compile", POLICY, "--enforcement-point", POINT];
    let output = accesspolicy(&[&arguments[..], &["-o", path]].concat());
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stdout(&output), "");
    let expected = accesspolicy(&arguments).stdout;
    assert_eq!(fs::read(&target).unwrap(), expected);
    assert_eq!(fs::read_dir(target.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn policies_come_from_standard_input_as_well() {
    let policy = fs::read(Path::new(ROOT).join(POLICY)).unwrap();
    let piped = with_input(&["compile", "-", "--enforcement-point", POINT], &policy);
    let read = accesspolicy(&["compile", POLICY, "--enforcement-point", POINT]);
    assert_eq!(piped.status.code(), Some(0), "{}", stderr(&piped));
    assert_eq!(stdout(&piped), stdout(&read));
    let refused = with_input(&["validate", "-"], b"kind: XAccessPolicy\n");
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("<stdin>:1:1"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn a_file_named_twice_is_read_once() {
    let output = accesspolicy(&["validate", "policies", POLICY, "policies/demo"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "10 policies, no problems\n");
}

#[test]
fn every_folder_of_policies_is_clean() {
    let output = accesspolicy(&["validate", "policies/"]);
    assert_eq!(stderr(&output), "10 policies, no problems\n");
    let mut folders = 0;
    for entry in fs::read_dir(Path::new(ROOT).join("policies")).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        folders += 1;
        let point = folder.join("enforcement-point.yaml");
        let (folder, point) = (folder.to_str().unwrap(), point.to_str().unwrap());
        let output = accesspolicy(&["compile", folder, "--enforcement-point", point]);
        assert_eq!(output.status.code(), Some(0), "{folder}");
        assert_eq!(stderr(&output), "", "{folder}");
    }
    assert!(folders >= 4);
}

#[test]
fn validate_says_in_one_line_what_it_found() {
    let warned = accesspolicy(&["validate", "tests/manifests/accepted/warn-no-rules.yaml"]);
    assert_eq!(warned.status.code(), Some(0));
    assert!(
        stderr(&warned).ends_with("1 policy, 1 warning\n"),
        "{}",
        stderr(&warned)
    );
    let refused = accesspolicy(&["validate", REFUSED]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(stdout(&refused), "");
    assert!(stderr(&refused).ends_with("1 problem: the policies are not accepted\n"));
}

#[test]
fn wrong_usage_exits_2() {
    for arguments in [
        &["compile"][..],
        &["compile", POLICY],
        &["compile", "--enforcement-point", POINT],
        &["compile", POLICY, "--enforcement-point", POINT, "--fast"],
        &["compile", "no-such-file.yaml", "--enforcement-point", POINT],
        &[
            "compile",
            POLICY,
            "--enforcement-point",
            "no-such-file.yaml",
        ],
        &["compile", "-", "--enforcement-point", "-"],
        &[
            "compile",
            POLICY,
            "--enforcement-point",
            POINT,
            "-o",
            "no-such-folder/x.json",
        ],
        &["schema"],
        &["schema", "policies"],
        &["validate"],
        &["validate", "no-such-file.yaml"],
        &["validate", POINT],
        &[
            "validate",
            POLICY,
            "--enforcement-point",
            "no-such-file.yaml",
        ],
        &["explain", "--call", "tools/list"],
        &["explain", POLICY, "--call", "tools/list"],
        &["explain", POLICY, "--enforcement-point", POINT],
        &["explain", "--config", POINT, "--call", "tools/list"],
        &[
            "explain",
            "--config",
            "no-such-file.json",
            "--call",
            "tools/list",
        ],
        &[
            "explain",
            POLICY,
            "--enforcement-point",
            POINT,
            "--call",
            "tools/list",
            "--caller",
            "somebody",
        ],
        &["test"],
        &["effective"],
        &["effective", "--diff", POLICY],
        &["effective", "--config", POINT],
        &[
            "render",
            "--config",
            "no-such-file.json",
            "--format",
            "envoy",
        ],
        &["render", POLICY, "--enforcement-point", POINT],
        &[
            "render",
            POLICY,
            "--enforcement-point",
            POINT,
            "--format",
            "istio",
        ],
        &["package", "--module", "no-such-file.wasm"],
        &["package", "--module", POLICY],
        &["push"],
        &["push", "127.0.0.1:9/a", "--image", "no-such-folder"],
        &["frobnicate"],
        &[],
    ] {
        let output = accesspolicy(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
        assert_ne!(stderr(&output), "", "{arguments:?}");
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["compile", "--help"],
        &["validate", "--help"],
        &["explain", "--help"],
        &["test", "--help"],
        &["effective", "--help"],
        &["schema", "--help"],
        &["render", "--help"],
        &["package", "--help"],
        &["push", "--help"],
    ] {
        let output = accesspolicy(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_ne!(stdout(&output), "", "{arguments:?}");
    }
    let version = format!("accesspolicy {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(stdout(&accesspolicy(&["--version"])), version);
}

/// Continuous integration reads the results by another program's parser.
#[test]
fn results_of_tests_are_written_as_junit_xml() {
    let target = folder("junit").join("results.xml");
    let path = target.to_str().unwrap();
    let output = accesspolicy(&["test", "policies", "tests/answers", "--junit", path]);
    assert_eq!(output.status.code(), Some(1));
    let script = "import sys, xml.etree.ElementTree as e; r = e.parse(sys.argv[1]).getroot(); \
                  print(len(r.findall('.//testcase')), len(r.findall('.//failure')))";
    let parsed = Command::new("python3").args(["-c", script, path]).output();
    let parsed = parsed.unwrap();
    assert!(parsed.status.success(), "{}", stderr(&parsed));
    assert_eq!(stdout(&parsed), "45 2\n");
}

#[test]
fn what_is_piped_has_no_colours() {
    let output = accesspolicy(&["validate", REFUSED]);
    assert!(!stderr(&output).contains('\u{1b}'));
    let output = accesspolicy(&["test", "tests/answers"]);
    assert!(!stdout(&output).contains('\u{1b}'));
}

/// What files are called, and what is in them, may control no terminal: as symbols, however
/// it gets there.
#[test]
fn names_of_files_control_no_terminal() {
    let name = "\u{1b}[31mred\u{1b}]0;title\u{7}\u{9b}2J.yaml";
    let broken = folder("controls").join(name);
    fs::write(&broken, "a: [\u{9b}2J").unwrap();
    let unread = folder("no-controls").join(name);
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let (broken, unread) = (path(&broken), path(&unread));
    for arguments in [
        vec!["validate", &broken],
        vec!["validate", &unread],
        vec!["test", &broken],
        vec!["test", &unread],
        vec!["effective", "--config", &unread],
        vec!["check", "--config", &unread, "--config-dump", &unread],
        vec![
            "compile",
            "policies/demo/policy.yaml",
            "--enforcement-point",
            &broken,
        ],
        vec!["push", "127.0.0.1:1/a", "--image", &unread],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_accesspolicy"))
            .args(&arguments)
            .current_dir(ROOT)
            .env("CLICOLOR_FORCE", "1")
            .output()
            .expect("it runs");
        let said = format!("{}{}", stdout(&output), stderr(&output));
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said.contains("error"), "{arguments:?}: {said}");
        for control in ["\u{1b}[31mred", "\u{1b}]", "\u{7}", "\u{9b}"] {
            assert!(!said.contains(control), "{arguments:?}: {said:?}");
        }
    }
}

/// Who may write manifests does not see what else the tool may read.
#[test]
#[cfg(unix)]
fn no_link_leads_out_of_a_folder() {
    let inside = folder("links");
    let secret = folder("linked").join("secret.yaml");
    fs::write(&secret, "password: [hunter2").unwrap();
    let link = inside.join("policy.yaml");
    std::os::unix::fs::symlink(&secret, &link).unwrap();
    let inside_text = inside.to_str().unwrap();
    let validated = accesspolicy(&["validate", inside_text]);
    assert_eq!(validated.status.code(), Some(2));
    for (name, path) in [
        ("link", "policy.yaml"),
        ("relative", "../cli-linked/secret.yaml"),
        ("absolute", secret.to_str().unwrap()),
        ("environment", "/proc/self/environ"),
    ] {
        let tests = format!(
            "apiVersion: accesspolicy/v1\nkind: DecisionTests\npolicies: [{path}]\ntests:\n  \
             - {{name: one, call: ping, expect: deny}}\n"
        );
        let file = inside.join("tests.yaml");
        fs::write(&file, tests).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_accesspolicy"))
            .args(["test", "tests.yaml"])
            .current_dir(&inside)
            .env("TOKEN", "hunter2")
            .output()
            .expect("it runs");
        let said = format!("{}{}", stdout(&output), stderr(&output));
        assert!(!output.status.success(), "{name}: {said}");
        assert!(said.contains("outside of"), "{name}: {said}");
        assert!(!said.contains("hunter2"), "{name}: {said}");
    }
    assert!(!stderr(&validated).contains("hunter2"));
    assert!(stderr(&validated).contains("outside of"));
    // The honest twin: how Kubernetes mounts a ConfigMap.
    let mount = folder("mount");
    let version = mount.join("..2026");
    fs::create_dir(&version).unwrap();
    fs::copy(Path::new(ROOT).join(POLICY), version.join("policy.yaml")).unwrap();
    std::os::unix::fs::symlink("..2026", mount.join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/policy.yaml", mount.join("policy.yaml")).unwrap();
    let validated = accesspolicy(&["validate", mount.to_str().unwrap()]);
    assert!(validated.status.success(), "{}", stderr(&validated));
}

#[test]
fn a_text_that_is_not_utf_8_is_refused_where_it_stops_being_it() {
    let output = with_input(&["validate", "-"], b"a: 1\nb: \xff\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("<stdin>:2:4"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn warnings_are_refused_where_they_are_denied() {
    let target = folder("denied-warnings").join("policy.json");
    fs::write(&target, "old").unwrap();
    let target = target.to_str().unwrap();
    let policy = "tests/manifests/accepted/warn-near-targets.yaml";
    let point = "tests/manifests/accepted/warn-near-targets.point.yaml";
    let compile = [
        "compile",
        policy,
        "--enforcement-point",
        point,
        "-o",
        target,
    ];
    let denied = accesspolicy(&[&compile[..], &["--deny-warnings"]].concat());
    assert_eq!(denied.status.code(), Some(1), "{}", stderr(&denied));
    assert!(stderr(&denied).ends_with(": nothing was written\n"));
    assert_eq!(fs::read_to_string(target).unwrap(), "old");
    assert_eq!(accesspolicy(&compile).status.code(), Some(0));
    let validate = ["validate", policy, "--enforcement-point", point];
    assert_eq!(accesspolicy(&validate).status.code(), Some(0));
    let denied = accesspolicy(&[&validate[..], &["--deny-warnings"]].concat());
    assert_eq!(denied.status.code(), Some(1), "{}", stderr(&denied));
    // Whoever renders without compiling first sees them too.
    let render = ["render", policy, "--enforcement-point", point];
    let rendered = accesspolicy(&[&render[..], &["--format", "envoy"]].concat());
    assert_eq!(rendered.status.code(), Some(0), "{}", stderr(&rendered));
    assert!(
        stderr(&rendered).contains("\nwarning: "),
        "{}",
        stderr(&rendered)
    );
    let clean = ["compile", POLICY, "--enforcement-point", POINT];
    let clean = accesspolicy(&[&clean[..], &["--deny-warnings"]].concat());
    assert_eq!(clean.status.code(), Some(0), "{}", stderr(&clean));
}

#[test]
fn a_folder_without_manifests_is_wrong_usage() {
    let empty = folder("empty");
    let empty = empty.to_str().unwrap();
    for command in ["validate", "compile", "effective"] {
        let output = accesspolicy(&[command, empty, "--enforcement-point", POINT]);
        assert_eq!(output.status.code(), Some(2), "{command}");
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn a_compiled_policy_that_was_changed_is_refused() {
    let folder = folder("changed");
    let file = folder.join("policy.json");
    let compiled = accesspolicy(&["compile", POLICY, "--enforcement-point", POINT]);
    let text = stdout(&compiled);
    for (text, code) in [
        (text.to_owned(), 0),
        (
            text.replace("\"unprotected\": \"Deny\"", "\"unprotected\": \"Allow\""),
            2,
        ),
    ] {
        fs::write(&file, text).unwrap();
        let output = accesspolicy(&["effective", "--config", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        let is_told = stderr(&output).contains("was changed after it was compiled");
        assert_eq!(is_told, code != 0);
    }
}

#[test]
fn tests_of_no_policy_are_refused() {
    let folder = folder("no-policies");
    fs::write(
        folder.join("other.yaml"),
        "apiVersion: v1\nkind: ConfigMap\n",
    )
    .unwrap();
    for (policies, code) in [("[other.yaml]", 1), ("[]", 0)] {
        let file = folder.join("tests.yaml");
        let text = format!(
            "apiVersion: accesspolicy/v1\nkind: DecisionTests\ndescription: Nothing.\n\
             policies: {policies}\n\
             enforcementPoint: {{apiVersion: accesspolicy/v1, kind: EnforcementPoint, \
             gateway: {{namespace: infra, name: prod}}}}\n\
             tests:\n  - {{name: nobody, http: GET /x, expect: deny}}\n"
        );
        fs::write(&file, text).unwrap();
        let output = accesspolicy(&["test", file.to_str().unwrap()]);
        let said = format!("{}{}", stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert_eq!(said.contains("no XAccessPolicy"), code != 0, "{said}");
    }
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    for arguments in [
        &["schema", "enforcement-point"][..],
        &["compile", POLICY, "--enforcement-point", POINT],
        &["effective", POLICY, "--enforcement-point", POINT],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_accesspolicy"));
        let command = command.current_dir(ROOT).args(arguments).stdout(writer);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(141), "{arguments:?}");
        assert_eq!(stderr(&output), "", "{arguments:?}");
    }
}
