/* The tables, one string per version: entry i brings a database from user_version i to i + 1. */
#ifndef RUBOR_STORE_SCHEMA_H
#define RUBOR_STORE_SCHEMA_H

static const char *const rubor_store_migrations[] = {
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE photos(digest TEXT PRIMARY KEY, bytes INTEGER NOT NULL, stored_ms INTEGER NOT NULL) "
    "WITHOUT ROWID;"
    "CREATE TABLE filings("
    "  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, patient TEXT NOT NULL, session TEXT NOT NULL, day INTEGER "
    "NOT NULL,"
    "  view TEXT NOT NULL, photo TEXT NOT NULL REFERENCES photos(digest), baseline TEXT NOT NULL,"
    "  parameters BLOB NOT NULL, parameters_digest TEXT NOT NULL, profile TEXT NOT NULL,"
    "  submitted_ms INTEGER NOT NULL, who TEXT NOT NULL, withdrawn INTEGER NOT NULL DEFAULT 0);"
    "CREATE UNIQUE INDEX filings_key ON filings(kind, patient, session, day, view, photo, baseline, "
    "  parameters_digest) WHERE withdrawn = 0;"
    "CREATE INDEX filings_course ON filings(patient, session, view);"
    "CREATE INDEX filings_photo ON filings(photo);"
    "CREATE INDEX filings_baseline ON filings(baseline) WHERE baseline <> '';"
    "CREATE TABLE jobs("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
    "  filing INTEGER NOT NULL REFERENCES filings(id) ON DELETE CASCADE, baseline TEXT NOT NULL,"
    "  algorithm TEXT NOT NULL, state TEXT NOT NULL, lane TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,"
    "  deaths INTEGER NOT NULL DEFAULT 0, current INTEGER NOT NULL DEFAULT 1, deadline_ms INTEGER NOT NULL,"
    "  submitted_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL DEFAULT 0, status INTEGER NOT NULL "
    "DEFAULT 0,"
    "  error TEXT NOT NULL DEFAULT '', verdict TEXT NOT NULL DEFAULT '', reference TEXT NOT NULL DEFAULT '',"
    "  superseded_by TEXT NOT NULL DEFAULT '', UNIQUE(filing, baseline, algorithm));"
    "CREATE INDEX jobs_state ON jobs(state, seq);"
    "CREATE TABLE results(job TEXT PRIMARY KEY REFERENCES jobs(id) ON DELETE CASCADE, record BLOB NOT NULL);"
    "CREATE TABLE pictures(job TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE, name TEXT NOT NULL,"
    "  digest TEXT NOT NULL, PRIMARY KEY(job, name)) WITHOUT ROWID;"
    "CREATE INDEX pictures_digest ON pictures(digest);"
    "CREATE TABLE sessions(patient TEXT NOT NULL, session TEXT NOT NULL, date TEXT NOT NULL DEFAULT '',"
    "  site TEXT NOT NULL DEFAULT '', device TEXT NOT NULL DEFAULT '', needle_mm REAL,"
    "  PRIMARY KEY(patient, session)) WITHOUT ROWID;"
    "CREATE TABLE notes(id INTEGER PRIMARY KEY AUTOINCREMENT, patient TEXT NOT NULL, session TEXT NOT NULL,"
    "  day INTEGER NOT NULL, view TEXT NOT NULL, author TEXT NOT NULL, text TEXT NOT NULL, at_ms INTEGER NOT "
    "NULL);"
    "CREATE INDEX notes_course ON notes(patient, session);"
    "CREATE TABLE profiles(name TEXT PRIMARY KEY, json TEXT NOT NULL, stored_ms INTEGER NOT NULL) WITHOUT "
    "ROWID;"
    "CREATE TABLE audit(seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT "
    "NULL,"
    "  subject TEXT NOT NULL, detail TEXT NOT NULL, hash TEXT NOT NULL);"
    "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append "
    "only'); END;"
    "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append "
    "only'); END;",
    "CREATE INDEX audit_forgotten ON audit(subject) WHERE action = 'forget';",
    /* A session's revision is the number of the last change of its photos; of all sessions together, so that a session
     * that was forgotten and comes back does not repeat one. Before, it was a sum, always less than where this begins. */
    "CREATE TABLE changes(number INTEGER NOT NULL);"
    "INSERT INTO changes SELECT coalesce(sum(seq * 8 + 3), 0) + 1 FROM jobs;"
    "CREATE TABLE revisions(patient TEXT NOT NULL, session TEXT NOT NULL, revision INTEGER NOT NULL,"
    "  PRIMARY KEY(patient, session)) WITHOUT ROWID;"
    "INSERT INTO revisions SELECT DISTINCT patient, session, (SELECT number FROM changes) FROM filings"
    "  WHERE kind = 'visit';"
    "CREATE TRIGGER job_added AFTER INSERT ON jobs BEGIN"
    "  UPDATE changes SET number = number + 1;"
    "  INSERT OR REPLACE INTO revisions SELECT patient, session, (SELECT number FROM changes) FROM filings"
    "  WHERE id = NEW.filing AND kind = 'visit'; END;"
    "CREATE TRIGGER job_changed AFTER UPDATE OF state, current ON jobs"
    "  WHEN OLD.state <> NEW.state OR OLD.current <> NEW.current BEGIN"
    "  UPDATE changes SET number = number + 1;"
    "  INSERT OR REPLACE INTO revisions SELECT patient, session, (SELECT number FROM changes) FROM filings"
    "  WHERE id = NEW.filing AND kind = 'visit'; END;"
    "CREATE TRIGGER filing_changed AFTER UPDATE OF withdrawn ON filings"
    "  WHEN OLD.withdrawn <> NEW.withdrawn AND NEW.kind = 'visit' BEGIN"
    "  UPDATE changes SET number = number + 1;"
    "  INSERT OR REPLACE INTO revisions VALUES(NEW.patient, NEW.session, (SELECT number FROM changes)); END;",
    /* What the list of sessions says of each; of the revision and by the rules that are written beside it, else not known. */
    "CREATE TABLE summaries(patient TEXT NOT NULL, session TEXT NOT NULL, revision INTEGER NOT NULL,"
    "  rules TEXT NOT NULL, urgency TEXT NOT NULL, headline TEXT NOT NULL, signs TEXT NOT NULL,"
    "  PRIMARY KEY(patient, session)) WITHOUT ROWID;",
};

#endif
