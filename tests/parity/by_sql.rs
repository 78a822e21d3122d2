//! Writing a history by SQL.

use opledger::{Hash, Tenant, Timestamp};
use postgres::Client;

use crate::history::{By, End, Run, tenants};

/// The key and the load dates that SQL gave an operation, in the order of its versions.
pub(crate) struct Written {
    pub(crate) key: Hash,
    pub(crate) business_key: String,
    pub(crate) load_dates: Vec<Timestamp>,
}

/// Writes the runs: `writer` may choose its tenant, `owner` is the superuser.
pub(crate) fn write(writer: &mut Client, owner: &mut Client, runs: &[Run]) -> Vec<Written> {
    let mut keys: Vec<Option<Vec<u8>>> = runs.iter().map(|_| None).collect();
    for tenant in [None, Some(tenants()[0]), Some(tenants()[1])] {
        choose(writer, tenant);
        let (places, arrays): (Vec<_>, Vec<_>) =
            runs.iter().enumerate().filter(|(_, run)| run.by == By::Arrays && run.tenant == tenant).unzip();
        for (place, key) in places.into_iter().zip(record_operations(writer, &arrays)) {
            keys[place] = Some(key);
        }
        for (place, run) in runs.iter().enumerate().filter(|(_, run)| run.by == By::Record && run.tenant == tenant) {
            keys[place] = Some(record_operation(writer, run));
        }
    }
    runs.iter()
        .zip(keys)
        .enumerate()
        .map(|(number, (run, key))| {
            let key = key.unwrap_or_else(|| insert(owner, run, number));
            read_back(owner, &key)
        })
        .collect()
}

/// Whose rows a login works on that may choose.
pub(crate) fn choose(client: &mut Client, tenant: Tenant) {
    let tenant = tenant.map(|tenant| tenant.to_string()).unwrap_or_default();
    client.batch_execute(&format!("SET script_tracking.tenant_hk = '{tenant}'")).unwrap();
}

fn ended(run: &Run) -> &End {
    run.end.as_ref().unwrap()
}

fn record_operation(client: &mut Client, run: &Run) -> Vec<u8> {
    let end = ended(run);
    let sql = "SELECT script_tracking.record_operation($1::text, $2::text, $3::text::timestamptz, $4, $5, $6, $7, $8,
        $9::text::jsonb)";
    let started = run.started.to_string();
    let row = client.query_one(
        sql,
        &[
            &run.name,
            &run.kind,
            &started,
            &end.duration,
            &end.ok,
            &end.message,
            &run.objects,
            &run.sql_command,
            &run.metadata,
        ],
    );
    row.unwrap().get(0)
}

fn record_operations(client: &mut Client, runs: &[&Run]) -> Vec<Vec<u8>> {
    fn each<'a, T>(runs: &[&'a Run], of: impl Fn(&'a Run) -> T) -> Vec<T> {
        runs.iter().map(|run| of(run)).collect()
    }
    let sql = "SELECT script_execution_hk FROM script_tracking.record_operations($1, $2, $3::text[]::timestamptz[], $4, $5, $6,
        $7::text[]::jsonb[]) ORDER BY place";
    let rows = client.query(
        sql,
        &[
            &each(runs, |run| &run.name),
            &each(runs, |run| &run.kind),
            &each(runs, |run| run.started.to_string()),
            &each(runs, |run| ended(run).duration),
            &each(runs, |run| ended(run).ok),
            &each(runs, |run| &ended(run).message),
            &each(runs, |run| &run.metadata),
        ],
    );
    rows.unwrap().iter().map(|row| row.get(0)).collect()
}

/// Hub and versions as rows, with keys and hashes by the schema's functions; loaded a second apart.
fn insert(client: &mut Client, run: &Run, number: usize) -> Vec<u8> {
    let sql = "INSERT INTO script_tracking.script_execution_h
        (script_execution_hk, script_execution_bk, tenant_hk, load_date, record_source)
        SELECT script_tracking.calculate_hash_key(bk::varchar), bk, $3, timestamptz '2024-06-01' + $4 * interval '1 s', 'parity'
        FROM script_tracking.business_key($1, $2::text::timestamptz) bk RETURNING script_execution_hk";
    let tenant = run.tenant.map(|tenant| tenant.as_bytes().to_vec());
    let number = f64::from(u32::try_from(number).unwrap());
    let row = client.query_one(sql, &[&run.name, &run.started.to_string(), &tenant, &number]).unwrap();
    let key: Vec<u8> = row.get(0);
    let states = states(run);
    for (place, (status, metadata, end)) in states.iter().enumerate() {
        let sql = "INSERT INTO script_tracking.script_execution_s (script_execution_hk, load_date, load_end_date, hash_diff,
            script_name, script_type, execution_status, execution_timestamp, execution_duration_ms, db_session_user, client_ip,
            affected_objects, sql_command, error_message, metadata, record_source, tenant_hk)
            SELECT $1, d, CASE WHEN $15 THEN d + interval '1 s' END, script_tracking.hash_attributes($3, $4, $5,
                $6::text::timestamptz, $7, $8, $9::text::inet, $10, $11, $12, $13::text::jsonb), $3, $4, $5, $6::text::timestamptz, $7,
                $8, $9::text::inet, $10, $11, $12, $13::text::jsonb, 'parity', $14
            FROM (SELECT timestamptz '2024-06-01' + $2 * interval '1 s') AS loaded (d)";
        let is_closed = place + 1 < states.len();
        let place = f64::from(u32::try_from(place).unwrap());
        let address = run.address.map(|address| address.to_string());
        let duration = end.and_then(|end| end.duration);
        let message = end.and_then(|end| end.message.as_deref());
        client
            .execute(
                sql,
                &[
                    &key,
                    &(number + place),
                    &run.name,
                    &run.kind,
                    status,
                    &run.started.to_string(),
                    &duration,
                    &run.user,
                    &address,
                    &run.objects,
                    &run.sql_command,
                    &message,
                    metadata,
                    &tenant,
                    &is_closed,
                ],
            )
            .unwrap();
    }
    key
}

/// What each version says beside what all say: its status, its metadata, and how it ended.
pub(crate) fn states(run: &Run) -> Vec<(&'static str, Option<&str>, Option<&End>)> {
    let mut states = vec![("RUNNING", run.metadata.as_deref(), None)];
    states.extend(run.annotations.iter().map(|metadata| ("RUNNING", Some(metadata.as_str()), None)));
    if let Some(end) = &run.end {
        let metadata = states.last().and_then(|state| state.1);
        states.push((if end.ok { "COMPLETED" } else { "FAILED" }, metadata, Some(end)));
    }
    states
}

fn read_back(client: &mut Client, key: &Vec<u8>) -> Written {
    let sql = "SELECT h.script_execution_bk, (extract(epoch FROM s.load_date) * 1000000)::bigint
        FROM script_tracking.script_execution_h h JOIN script_tracking.script_execution_s s USING (script_execution_hk)
        WHERE script_execution_hk = $1 ORDER BY s.load_date";
    let rows = client.query(sql, &[key]).unwrap();
    Written {
        key: Hash::from_bytes(key.as_slice().try_into().unwrap()),
        business_key: rows[0].get(0),
        load_dates: rows.iter().map(|row| Timestamp::from_micros(row.get(1))).collect(),
    }
}
