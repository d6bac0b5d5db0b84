/* SPDX-License-Identifier: MIT */
#include "store/migrations.h"

#include "base/macros.h"

/* resources has a rowid: without one the bodies lie in the tree of the keys, and 60000 accounts of
 * 1.7 kB took 310 MB instead of 150 MB and no less time. */
const struct migration migrations[] = {
    { 1, "resources and settings",
      "CREATE TABLE resources ("
      "  key TEXT NOT NULL PRIMARY KEY,"
      "  id TEXT NOT NULL,"
      "  type TEXT NOT NULL,"
      "  parent TEXT NOT NULL,"
      "  etag TEXT NOT NULL,"
      "  body TEXT NOT NULL,"
      "  secret BLOB NOT NULL,"
      "  created_at INTEGER NOT NULL,"
      "  changed_at INTEGER NOT NULL"
      ");"
      "CREATE INDEX resources_parent ON resources (parent, key);"
      "CREATE INDEX resources_type ON resources (type, key);"
      "CREATE TABLE settings ("
      "  name TEXT NOT NULL PRIMARY KEY,"
      "  value BLOB NOT NULL"
      ") WITHOUT ROWID;" },
    /* id is the rowid: later entries have larger ones, so that what is old lies together. An entry
     * is looked up by the subscription, or by scope, its top-level resource. */
    { 2, "events",
      "CREATE TABLE events ("
      "  id INTEGER PRIMARY KEY,"
      "  at INTEGER NOT NULL,"
      "  subscription TEXT NOT NULL,"
      "  scope TEXT NOT NULL,"
      "  resource TEXT NOT NULL,"
      "  body TEXT NOT NULL"
      ");"
      "CREATE INDEX events_time ON events (subscription, at);"
      "CREATE INDEX events_scope ON events (scope, at);" },
};

const size_t migration_count = ARRAY_LEN(migrations);
