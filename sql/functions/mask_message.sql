-- An error message without what stood in the strings of the SQL text that failed: PostgreSQL puts values in double quotes,
-- and names too. What is quoted stays where the text has it outside strings and comments, else it becomes a ?.
CREATE OR REPLACE FUNCTION script_tracking.mask_message(
    p_message text, p_sql text, p_language text DEFAULT current_setting('lc_messages'))
RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_known text := script_tracking.redact_sql(p_sql, 200000);
    v_message text := p_message;
    v_quoted text;
BEGIN
    -- Other languages have other quotes.
    IF p_language !~* '^(c|posix|en)([^a-z]|$)' THEN
        RETURN '?';
    END IF;
    FOR v_quoted IN SELECT DISTINCT m[1] FROM regexp_matches(p_message, '"([^"]+)(?:"|$)', 'g') AS found (m) LOOP
        IF strpos(v_known, v_quoted) = 0 THEN
            v_message := replace(v_message, v_quoted, '?');
        END IF;
    END LOOP;
    RETURN v_message;
END
$$;

CALL script_tracking.allow('script_tracking.mask_message(text, text, text)', 'script_tracking_admin');
