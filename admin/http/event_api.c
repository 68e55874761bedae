/* SPDX-License-Identifier: Apache-2.0 */
/* REST: events (the list; http/event_stream.c follows them). */
#include "admin/http/handlers.h"
#include "admin/journal.h"
#include "admin/size.h"
#include "fs/fs_info.h"
#include "fs/message.h"

void event_api_list(struct call *call)
{
	const char *after = call_query(call, "after"), *level_text = call_query(call, "level");
	enum log_level level = LOG_LEVEL_INFO;
	uint64_t number = 0;

	if (after != NULL && size_parse_integer(after, UINT64_MAX, &number) != 0)
		call_fail(call, -EINVAL, "after", "after must be the number of an event");
	else if (level_text != NULL && (journal_level_parse(level_text, &level) != 0 || level == LOG_LEVEL_DEBUG))
		call_fail(call, -EINVAL, "level", "level must be error, warn or info");
	else {
		call->records = journal_list(number, level);
		call_reply_collection(call);
	}
}
