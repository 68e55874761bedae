/* SPDX-License-Identifier: Apache-2.0 */
/* An I_T nexus: one initiator's sight of the target: its LUNs, what it still has to be told about them, and the order
 * of its tasks.
 *
 * THEORY. An initiator that does not look again takes a number for the unit it found there: what it still has to write
 * to a unit that was unmapped must not reach another one that got the number. So a unit under a number that was another
 * unit's is withheld, as if it were not there, until REPORT LUNS told the initiator of it, or it logs in anew.
 * THREADS. The loop of its session, only. */
#ifndef PROTO_SCSI_NEXUS_H
#define PROTO_SCSI_NEXUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "base/world.h"
#include "proto/scsi/lunmap.h"
#include "proto/scsi/scsi_lu.h"

struct scsi_task;
TAILQ_HEAD(scsi_task_list, scsi_task);

/* One LUN as this nexus sees it. Counted, because tasks outlive a change of maps. */
struct scsi_nexus_lun {
	unsigned refs;
	uint32_t number;
	struct scsi_lu *lu; /* a reference */
	bool withheld; /* its number was another unit's, and the initiator has not been told */
	uint32_t attentions; /* bits of enum scsi_attention, pending */
	uint32_t seen_any;
	uint32_t seen[LU_EVENT_COUNT];
	uint32_t seen_space; /* warnings of the volume */
	struct scsi_task_list tasks; /* in order of arrival */
	unsigned n_ordered; /* of them, with the attribute ORDERED */
};

/* Pending unit attentions; reported in this order, lowest bit first. */
enum scsi_attention {
	ATTENTION_POWER_ON = 1,
	ATTENTION_RESET = 2,
	ATTENTION_LUNS = 4,
	ATTENTION_CAPACITY = 8,
	ATTENTION_MODE = 16,
	ATTENTION_SPACE = 32
};

/* A unit that this nexus saw under a number and does not see there any more. */
struct scsi_nexus_gone {
	uint32_t number;
	struct uuid uuid;
};

struct scsi_nexus {
	struct world *world;
	struct lunmap *map;
	char initiator[LUNMAP_PATTERN_SIZE]; /* what the maps are matched with */
	char port_name[240]; /* SCSI name of the target port ("IQN,t,0x0001") */
	uint32_t generation; /* of the maps `luns` was built from */
	unsigned n_luns;
	struct scsi_nexus_lun **luns; /* by rising number */
	unsigned n_gone;
	struct scsi_nexus_gone *gone; /* since REPORT LUNS was answered last */
};

/* -ENOMEM. `initiator` and `port_name` are copied (and cut to size). Every LUN begins with POWER ON pending. */
MUST_CHECK int scsi_nexus_init(struct scsi_nexus *nexus, struct world *world, struct lunmap *map, const char *initiator,
                               const char *port_name);
/* All tasks are over. */
void scsi_nexus_fini(struct scsi_nexus *nexus);

/* Look at the maps again when they changed; at out of memory the old sight stays. */
void scsi_nexus_refresh(struct scsi_nexus *nexus);
/* NULL: no such LUN, or one that is withheld. Borrowed. */
struct scsi_nexus_lun *scsi_nexus_find(struct scsi_nexus *nexus, const uint8_t lun[8]);
void scsi_nexus_lun_put(struct scsi_nexus_lun *lun);

/* The unit attention to report now, taken off the list: its ASC; ASC_NONE when there is none. */
enum scsi_asc scsi_nexus_take_attention(struct scsi_nexus_lun *lun);
/* REPORT LUNS was answered with the first `n` LUNs: what the initiator would have been told of them is known now. */
void scsi_nexus_luns_reported(struct scsi_nexus *nexus, unsigned n);

/* LOGICAL UNIT RESET: every nexus will hear of it. Aborting the tasks is the transport's part. */
void scsi_nexus_reset(struct scsi_nexus_lun *lun);

/* The 8 wire bytes of a LUN number, and back (-EINVAL: not an addressing we have). */
void scsi_lun_encode(uint8_t ret_lun[8], uint32_t number);
MUST_CHECK int scsi_lun_decode(const uint8_t lun[8], uint32_t *ret_number);

#endif
