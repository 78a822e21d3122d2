-- A SQL text without its secrets: each string ('...', E'...', U&'...', $$...$$, $tag$...$tag$), comment and number of five digits or
-- more becomes a ?, then the text is cut to p_limit characters. Passwords stand in strings; keys and codes may be numbers.
-- Where the text alone doesn't tell its end (a backslash before a quote means one thing or the other by a setting that may
-- have changed since; a comment in a comment; a text cut short), all the rest counts as inside: too little is stored, never
-- too much. So it may also be cut before, at twice the limit, which bounds the time for huge scripts.
CREATE OR REPLACE FUNCTION script_tracking.redact_sql(p_text text, p_limit integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on  -- or a session could change what our literals say
AS $$
DECLARE
    -- What an identifier may hold is whatever is no other ASCII: a $ or a digit in one begins nothing.
    c_tag CONSTANT text := '^\$[^\x01-\x40\x5b-\x5e\x60\x7b-\x7f][^\x01-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]*\$';
    c_tokens CONSTANT text :=
        '("(?:[^"]|"")*(?:"|$))'                                                   -- group 1: an identifier, kept
        '|''(?:[^''\\]|\\[^'']|'''')*(?:''|\\?$|\\''.*)'
        '|--[^\n\r]*'
        '|/\*(?:[^*/]|\*(?!/)|/(?!\*))*(?:\*/|/\*.*|$)'
        '|(?<![^\x01-\x23\x25-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f])(?:'            -- not in an identifier:
            '\$\$(?:[^$]|\$(?!\$))*(?:\$\$|$)'
            '|[0-9]{5,}'
            '|(\$[^\x01-\x40\x5b-\x5e\x60\x7b-\x7f][^\x01-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]*\$.*))';  -- group 2: see below
    v_rest text := translate(left(p_text, 2 * p_limit), E'\x01', ' ');
    v_done text;
    v_tail text;
    v_tag text;
BEGIN
    -- \x01 marks what was taken out, and follows what was kept.
    IF (strpos(v_rest, '$') > 0) IS NOT TRUE THEN
        RETURN left(replace(replace(regexp_replace(v_rest, c_tokens, E'\\1\x01', 'g'), E'"\x01', '"'), E'\x01', '?'), p_limit);
    END IF;
    LOOP
        v_rest := regexp_replace(v_rest, c_tokens, E'\\1\x01\\2', 'g');
        v_tail := substring(v_rest FROM '\x01([^\x01]*)$');
        v_tag := substring(v_tail FROM c_tag);
        IF v_tag IS NULL THEN
            v_done := concat(v_done, v_rest);
            EXIT;
        END IF;
        -- A regular expression can't find the same tag again, strpos can. What follows it was not looked at yet.
        v_done := concat(v_done, left(v_rest, length(v_rest) - length(v_tail)));
        v_tail := substr(v_tail, length(v_tag) + 1);
        EXIT WHEN strpos(v_tail, v_tag) = 0 OR length(v_done) >= p_limit;
        v_rest := substr(v_tail, strpos(v_tail, v_tag) + length(v_tag));
    END LOOP;
    RETURN left(replace(replace(v_done, E'"\x01', '"'), E'\x01', '?'), p_limit);
END
$$;

CALL script_tracking.allow('script_tracking.redact_sql(text, integer)');
