-- Those that are too old are found without reading the others.
CREATE INDEX notifications_at ON notifications (at);
