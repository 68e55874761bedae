/* SPDX-License-Identifier: Apache-2.0 */
/* A flush: the barrier that makes every completed write durable and releases the intents (raid_flush.c has its
 * stages). */
#ifndef RAID_RAID_FLUSH_H
#define RAID_RAID_FLUSH_H

#include "base/list.h"
#include "raid/raid.h"

struct flush_wait {
	void (*done)(struct flush_wait *wait, int err);
	STAILQ_ENTRY(flush_wait) link;
};
STAILQ_HEAD(flush_wait_list, flush_wait);
/* Call `done` when a flush that begins after this call has ended. */
void raid_flush_request(struct raid *raid, struct flush_wait *wait);
/* Nobody waits for it, but the slots of intents or the checksum cache are full. */
void raid_flush_internal(struct raid *raid);
/* A piece has ended: perhaps the flush was waiting for it. */
void raid_flush_kick(struct raid *raid);

#endif
