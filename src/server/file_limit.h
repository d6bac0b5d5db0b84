/*
 * How many files the process may have open: each connection is one, and each call to an engine
 * another.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_FILE_LIMIT_H
#define SERVER_FILE_LIMIT_H

/* Raises the limit so that `connections` clients can be served, each with a connection to an
 * engine; the hard limit too where the process may (CAP_SYS_RESOURCE). Says so in the log when the
 * system allows fewer. Processes that are started later inherit it. */
void file_limit_raise(unsigned long connections);

#endif
