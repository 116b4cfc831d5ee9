-- Undo reads the rows of one change set.
CREATE INDEX audit_log_change_set ON audit_log (change_set);
