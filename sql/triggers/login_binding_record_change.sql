CREATE OR REPLACE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON script_tracking.login_binding
    FOR EACH ROW EXECUTE FUNCTION script_tracking.record_setting_change();
