/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of verbs: what an administrator can say, and the REST call that says it.
 *
 * THEORY. From these rows come the routes and body checks of the REST server, openapi.json, vcadm's parsing and help,
 * the shell completions and the verb list of vcadm(8). A row names its handler by number, so that vcadm needs no server
 * code; the server has the function for each number (http/handlers.c) and a test compares the two.
 * A new verb is a new row, a handler, and (for vcadm's tables) columns in cli/columns.c. */
#ifndef ADMIN_VERBS_H
#define ADMIN_VERBS_H

#include <stdbool.h>
#include <stddef.h>

#define VERB_API_PREFIX "/api/v1/"

enum verb_method { VERB_GET, VERB_POST, VERB_PUT, VERB_PATCH, VERB_DELETE };

/* What a parameter's text means, on the command line and in JSON. */
enum verb_kind {
	VERB_TEXT, /* string */
	VERB_VOLUME, /* string; vcadm also takes /vol/NAME */
	VERB_PATH, /* string "/vol/VOLUME/..."; vcadm supplies the first slash */
	VERB_SIZE, /* bytes: integer; vcadm takes 4k, 1g */
	VERB_INTEGER,
	VERB_BOOL, /* flag without a value */
	VERB_LIST, /* array of strings; vcadm splits at commas, the flag may repeat */
	VERB_DISKS, /* as VERB_LIST; relative names are the daemon's, below its disk directory */
	VERB_GROUPS, /* array of {"disks": [...]}; one a flag, split at commas */
	VERB_PERCENT, /* integer; vcadm takes 5 or 5% */
	VERB_RULE, /* {"keep", "at"}; vcadm takes KEEP[@AT] */
	VERB_CLIENTS, /* array of {"client", "access", "root_squash", "all_squash", "anonuid", "anongid", "secure"};
	               * CIDR:opt,opt a flag */
};

enum verb_place { VERB_IN_ROUTE, VERB_IN_QUERY, VERB_IN_BODY };

enum {
	VERB_POSITIONAL = 1,
	VERB_REQUIRED = 2,
	VERB_NEGATED = 4, /* --no-NAME puts false */
	VERB_OPEN = 8, /* in the table for REST; vcadm has no flag */
	VERB_FALSE = 16, /* --NAME puts false: the opposite of a flag of the same key */
	VERB_DESTROYING = 32, /* given, it makes of the verb one that destroys */
};

struct verb_param {
	const char *name; /* of the positional or flag ("raid-group") */
	const char *key; /* in the route, the query or the body */
	const char *value; /* how help shows its value: "SIZE" */
	const char *help;
	enum verb_kind kind;
	enum verb_place place;
	unsigned flags;
};

enum {
	VERB_DESTROYS = 1, /* vcadm asks, or wants --yes */
	VERB_JOB = 2, /* answers 202 and a job */
	VERB_WAITS = 4, /* vcadm waits for the job unless told --no-wait */
	VERB_COLLECTION = 8, /* answers {records, num_records, next} */
	VERB_REST_ONLY = 16, /* not a vcadm verb */
	VERB_WATCHES = 32, /* vcadm follows it until it ends */
	VERB_ANYONE = 64, /* over TCP too without having signed in */
};

enum verb_handler {
	VERB_H_VOLUME_CREATE,
	VERB_H_VOLUME_LIST,
	VERB_H_VOLUME_SHOW,
	VERB_H_VOLUME_MODIFY,
	VERB_H_VOLUME_CHECK,
	VERB_H_VOLUME_DESTROY,
	VERB_H_SNAPSHOT_CREATE,
	VERB_H_SNAPSHOT_LIST,
	VERB_H_SNAPSHOT_DELETE,
	VERB_H_SNAPSHOT_RENAME,
	VERB_H_SNAPSHOT_RESTORE,
	VERB_H_SNAPSHOT_RESTORE_FILE,
	VERB_H_SCHEDULE_SET,
	VERB_H_SCHEDULE_SHOW,
	VERB_H_SCHEDULE_LIST,
	VERB_H_SCHEDULE_DELETE,
	VERB_H_AUTODELETE_SET,
	VERB_H_AUTODELETE_SHOW,
	VERB_H_AUTODELETE_LIST,
	VERB_H_LUN_CREATE,
	VERB_H_LUN_LIST,
	VERB_H_LUN_SHOW,
	VERB_H_LUN_MODIFY,
	VERB_H_LUN_DESTROY,
	VERB_H_MAP_LIST,
	VERB_H_MAP_CREATE,
	VERB_H_MAP_DELETE,
	VERB_H_CLONE_START,
	VERB_H_CLONE_STATUS,
	VERB_H_CLONE_LIST,
	VERB_H_CLONE_STOP,
	VERB_H_CLONE_MODIFY,
	VERB_H_IGROUP_CREATE,
	VERB_H_IGROUP_LIST,
	VERB_H_IGROUP_SHOW,
	VERB_H_IGROUP_ADD,
	VERB_H_IGROUP_REMOVE,
	VERB_H_IGROUP_DESTROY,
	VERB_H_EXPORT_SET,
	VERB_H_EXPORT_LIST,
	VERB_H_EXPORT_DELETE,
	VERB_H_RAID_LIST,
	VERB_H_RAID_REPLACE,
	VERB_H_VOLUME_ADD_DISK,
	VERB_H_VOLUME_ADD_GROUP,
	VERB_H_RAID_CONVERT,
	VERB_H_RAID_ONLINE,
	VERB_H_RAID_FAIL,
	VERB_H_RAID_MODIFY,
	VERB_H_SPARE_ADD,
	VERB_H_SPARE_LIST,
	VERB_H_SPARE_REMOVE,
	VERB_H_SCRUB_START,
	VERB_H_SCRUB_STATUS,
	VERB_H_SCRUB_MODIFY,
	VERB_H_SCRUB_STOP,
	VERB_H_SCRUB_SCHEDULE_SET,
	VERB_H_SCRUB_SCHEDULE_SHOW,
	VERB_H_DISK_LIST,
	VERB_H_JOB_LIST,
	VERB_H_JOB_SHOW,
	VERB_H_JOB_CANCEL,
	VERB_H_SIGNIN_START,
	VERB_H_SIGNIN_SHOW,
	VERB_H_SIGNIN_END,
	VERB_H_EVENT_LIST,
	VERB_H_STATUS,
	VERB_H_STATS,
	VERB_H_COUNT
};

#define VERB_PARAMS_MAX 10
struct verb {
	const char *noun; /* "lun clone" */
	const char *verb; /* "start"; NULL: the noun says it all ("status") */
	const char *help;
	enum verb_method method;
	const char *route; /* below /api/v1/: "storage/luns/{lun}/clone" */
	enum verb_handler handler;
	unsigned flags;
	const char *fixed_key; /* a body member this verb always sends, */
	const char *fixed_value; /* a string; NULL: none */
	struct verb_param params[VERB_PARAMS_MAX]; /* up to the first without a name */
};

extern const struct verb verbs[];
extern const size_t verbs_count;

/* "GET", ... */
const char *verb_method_name(enum verb_method method);
/* Number of the verb's parameters. */
size_t verb_n_params(const struct verb *verb);
/* True when both rows are the same REST call (several vcadm verbs may share one). */
bool verb_same_call(const struct verb *a, const struct verb *b);

#endif
