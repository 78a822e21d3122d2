//! What stands in a file's strings is neither shown nor stored.

use crate::project::Project;
use crate::support::SECRET;

const PASSWORD: &str = "correct-horse-battery";

#[test]
fn a_password_in_a_statement_is_nowhere() {
    // What broke: the failed statement was shown as it stood in the file.
    for (sql, code) in [
        (format!("CREATE ROLE bob PASSWORD '{PASSWORD}' NO_SUCH_OPTION;"), "42601"),
        (format!("ALTER ROLE no_such_role PASSWORD '{PASSWORD}';"), "42704"),
        (format!("-- opledger: no-transaction\nSELECT '{PASSWORD}'::int;"), "22P02"),
        (format!("CREATE ROLE bob '{PASSWORD}';"), "42601"),
        (format!("DO $$ BEGIN EXECUTE 'ALTER ROLE no_such_role PASSWORD ''{PASSWORD}'''; END $$;"), "42704"),
    ] {
        let project = Project::new(&[("V1__roles.sql", &format!("{sql}\nSELECT 1;"))]);
        for format in ["json", "table"] {
            let answer = project.call(&["up", "--format", format]);
            assert_eq!(answer.code, 1, "{}{}", answer.out, answer.err);
            let said = answer.out + &answer.err;
            assert!(!said.contains(PASSWORD), "{said}");
        }
        let status = format!("{:?}", project.json(&["status"]));
        assert!(status.contains(code), "{status}");
        let dump = project.dump().join("\n");
        assert!(dump.contains(code), "{sql}");
        for kept in [&status, &dump, &format!("{:?}", project.newest_operation())] {
            assert!(!kept.contains(PASSWORD) && !kept.contains(SECRET), "{kept}");
        }
        // The other one stands in the URL.
        assert!(!project.ledger.holds(PASSWORD) && !project.ledger.holds(SECRET));
    }
}
