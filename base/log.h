/* SPDX-License-Identifier: Apache-2.0 */
/* The event log: one line a happening: component, event, key=value pairs. To stderr, and to the journal when it is
 * there. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* log_info("raid", "disk_failed", "disk=%s error=%s", name, error_name(err)). Any thread; one write(2) a line. Never in
 * a per-I/O path. Values may hold any bytes: they are quoted and escaped where they need it (base/logline.h has the
 * rules of the format). */
void log_event(enum log_level level, const char *component, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
#define log_error(component, event, ...) log_event(LOG_LEVEL_ERROR, component, event, __VA_ARGS__)
#define log_warn(component, event, ...) log_event(LOG_LEVEL_WARN, component, event, __VA_ARGS__)
#define log_info(component, event, ...) log_event(LOG_LEVEL_INFO, component, event, __VA_ARGS__)
#define log_debug(component, event, ...) log_event(LOG_LEVEL_DEBUG, component, event, __VA_ARGS__)

/* The same for whatever a peer can cause as often as it likes: connections, logins, what it sends. Of one component and
 * event a burst is written, the rest is counted and told as "suppressed=N" (base/loglimit.h). Component and event are
 * literals. */
void log_peer_event(enum log_level level, const char *component, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
#define log_peer_error(component, event, ...) log_peer_event(LOG_LEVEL_ERROR, component, event, __VA_ARGS__)
#define log_peer_warn(component, event, ...) log_peer_event(LOG_LEVEL_WARN, component, event, __VA_ARGS__)
#define log_peer_info(component, event, ...) log_peer_event(LOG_LEVEL_INFO, component, event, __VA_ARGS__)
/* Tell what was suppressed in windows that are over; with `all`, in those that are not, too. Any thread, every few
 * seconds. */
void log_tell_suppressed(bool all);

/* Lines above `level` are dropped. Default LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);
/* Every line also goes to `sink` (the admin layer keeps the last ones as events); NULL for none. Called on the logging
 * thread. `peer`: it is from log_peer_event. */
typedef void log_sink(enum log_level level, bool peer, const char *component, const char *event, const char *text);
void log_set_sink(log_sink *sink);

#endif
