//! The API's shape: names, parameters, defaults and columns that callers wrote into their programs. Nothing here may change.

use postgres::Client;

use crate::support::{installed, rows};

/// What PostgreSQL prints of a function: its arguments and what it returns, then who but its owner may call it.
const FUNCTIONS: [[&str; 4]; 22] = [
    [
        "auth.login_user_tracking",
        "p_email character varying, p_password character varying, p_tenant_hk bytea",
        "jsonb",
        "writer",
    ],
    ["auth.register_tenant", "p_tenant_id character varying", "bytea", "admin"],
    ["auth.register_user_tracking", "p_user_data jsonb", "jsonb", "writer"],
    ["script_tracking.bind_login", "p_login name, p_tenant_hk bytea", "void", "admin"],
    ["script_tracking.calculate_hash_diff", "s script_tracking.script_execution_s", "bytea", "reader"],
    ["script_tracking.calculate_hash_key", "p_business_key character varying", "bytea", "reader"],
    ["script_tracking.cleanup_old_data", "p_retention_days integer DEFAULT 365", "integer", "admin"],
    [
        "script_tracking.complete_operation",
        "p_execution_hk bytea, p_success boolean DEFAULT true, p_error_message text DEFAULT NULL::text",
        "boolean",
        "writer",
    ],
    ["script_tracking.event_trigger_ddl_end", "", "event_trigger", ""],
    ["script_tracking.event_trigger_ddl_start", "", "event_trigger", ""],
    ["script_tracking.event_trigger_sql_drop", "", "event_trigger", ""],
    ["script_tracking.generate_unique_script_name", "p_base_name character varying", "character varying", "reader"],
    [
        "script_tracking.get_enterprise_dashboard",
        "",
        "TABLE(metric_name character varying, metric_value numeric, metric_unit character varying, status character varying, \
         last_updated timestamp with time zone)",
        "reader",
    ],
    [
        "script_tracking.get_execution_history",
        "p_days integer DEFAULT 7",
        "TABLE(script_name character varying, script_type character varying, execution_status character varying, \
         execution_timestamp timestamp with time zone, execution_duration_ms integer, db_session_user character varying, \
         affected_objects text[])",
        "reader",
    ],
    [
        "script_tracking.get_performance_metrics",
        "",
        "TABLE(metric_category character varying, metric_name character varying, current_value numeric, \
         trend_direction character varying, performance_rating character varying)",
        "reader",
    ],
    [
        "script_tracking.get_recent_errors",
        "p_hours integer DEFAULT 24",
        "TABLE(script_name character varying, error_message text, execution_timestamp timestamp with time zone, \
         db_session_user character varying, client_ip inet, affected_objects text[], metadata jsonb)",
        "reader",
    ],
    [
        "script_tracking.get_system_health",
        "",
        "TABLE(health_category character varying, health_metric character varying, current_status character varying, details text, \
         last_checked timestamp with time zone)",
        "reader",
    ],
    [
        "script_tracking.run_migration_enterprise",
        "p_migration_file character varying, p_migration_version character varying",
        "TABLE(migration_status character varying, execution_time_ms integer, objects_affected integer, error_details text)",
        "admin",
    ],
    [
        "script_tracking.track_operation",
        "p_script_name character varying, p_script_type character varying DEFAULT 'MANUAL'::character varying",
        "bytea",
        "writer",
    ],
    ["script_tracking.trust_login", "p_login name", "void", "admin"],
    ["script_tracking.unbind_login", "p_login name", "boolean", "admin"],
    [
        "util.log_audit_event",
        "p_event_type text, p_resource_type text, p_resource_id text, p_actor text, p_event_details jsonb",
        "void",
        "",
    ],
];

#[test]
fn functions_are_as_they_were_promised() {
    let database = installed();
    let mut client = database.connect().unwrap();
    for expected in FUNCTIONS {
        let query = format!(
            "SELECT '{0}', pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
                (SELECT coalesce(string_agg(replace(a.grantee::regrole::text, 'script_tracking_', ''), ' '), '')
                 FROM aclexplode(p.proacl) a WHERE a.grantee <> p.proowner)
             FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname || '.' || p.proname = '{0}'",
            expected[0]
        );
        assert_eq!(rows(&mut client, &query), [expected]);
    }
}

fn columns(client: &mut Client, table: &str) -> Vec<String> {
    let query = format!(
        "SELECT concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
            pg_get_expr(d.adbin, d.adrelid))
        FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = 'script_tracking.{table}'::regclass AND a.attnum > 0 ORDER BY a.attnum"
    );
    rows(client, &query).into_iter().flatten().collect()
}

#[test]
fn tables_begin_with_the_promised_columns() {
    let database = installed();
    let mut client = database.connect().unwrap();
    let hub = [
        "script_execution_hk bytea NOT NULL",
        "script_execution_bk character varying(255) NOT NULL",
        "tenant_hk bytea",
        "load_date timestamp with time zone util.current_load_date()",
        "record_source character varying(100) NOT NULL",
        "log_xid xid8 NOT NULL pg_current_xact_id()",
    ];
    assert_eq!(columns(&mut client, "script_execution_h"), hub);
    let satellite = [
        "script_execution_hk bytea NOT NULL",
        "load_date timestamp with time zone NOT NULL util.current_load_date()",
        "load_end_date timestamp with time zone",
        "hash_diff bytea NOT NULL",
        "version_number bigint nextval('script_tracking.version_sequence'::regclass)",
        "script_name character varying(255) NOT NULL",
        "script_type character varying(50) 'MANUAL'::character varying",
        "execution_status character varying(20) 'RUNNING'::character varying",
        "execution_timestamp timestamp with time zone CURRENT_TIMESTAMP",
        "execution_duration_ms integer",
        "db_session_user character varying(100) SESSION_USER",
        "client_ip inet inet_client_addr()",
        "affected_objects text[]",
        "sql_command text",
        "error_message text",
        "metadata jsonb",
        "record_source character varying(100) NOT NULL",
        "tenant_hk bytea",
        "log_xid xid8 NOT NULL pg_current_xact_id()",
    ];
    let found = columns(&mut client, "script_execution_s");
    assert_eq!(found[..satellite.len()], satellite);
    let keys = "SELECT conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE contype = 'p' AND conrelid IN ('script_tracking.script_execution_h'::regclass, 'script_tracking.script_execution_s'::regclass)
        ORDER BY 1";
    let expected = [
        ["script_tracking.script_execution_h", "PRIMARY KEY (script_execution_hk)"],
        ["script_tracking.script_execution_s", "PRIMARY KEY (script_execution_hk, load_date)"],
    ];
    assert_eq!(rows(&mut client, keys), expected);
}

#[test]
fn event_triggers_are_three_and_always_on() {
    let database = installed();
    let found = rows(
        &mut database.connect().unwrap(),
        "SELECT evtname, evtevent, evtfoid::regproc, evtenabled FROM pg_event_trigger ORDER BY 1",
    );
    let expected = [
        ["et_ddl_command_end", "ddl_command_end", "script_tracking.event_trigger_ddl_end", "A"],
        ["et_ddl_command_start", "ddl_command_start", "script_tracking.event_trigger_ddl_start", "A"],
        ["et_sql_drop", "sql_drop", "script_tracking.event_trigger_sql_drop", "A"],
    ];
    assert_eq!(found, expected);
}

/// Drivers describe a result before they read it: decimals have two places, and texts end where a varchar would.
#[test]
fn results_hold_what_their_types_promise() {
    let database = installed();
    let mut writer = database.connect_as("writer").unwrap();
    rows(&mut writer, "SELECT script_tracking.complete_operation(script_tracking.track_operation('one'))");
    let places = "SELECT DISTINCT scale(metric_value) FROM script_tracking.get_enterprise_dashboard() WHERE metric_value IS NOT NULL
        UNION SELECT DISTINCT scale(current_value) FROM script_tracking.get_performance_metrics() WHERE current_value IS NOT NULL";
    assert_eq!(rows(&mut writer, places), [["2"]]);
}
