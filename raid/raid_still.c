/* SPDX-License-Identifier: Apache-2.0 */
/* A moment in which all is still.
 *
 * THEORY. Repairs are held back, and those under way end. Then a flush is waited for: it is a barrier, after which no
 * write is in flight. Whoever looks at the members of a group without being a repair is counted in raid->n_views; if
 * one has begun meanwhile, all this is done again. */
#include "raid/raid_still.h"

#include "raid/raid_volume.h"

static void still_flushed(struct flush_wait *wait, int err)
{
	struct still *still = container_of(wait, struct still, flush);
	struct raid *raid = still->raid;

	(void)err; /* the groups' states tell */
	still->flushing = false;
	vc_assert(raid->n_repairs_active == 0 && raid->n_pieces_active == 0);
	if (raid->n_views > 0)
		return; /* kicked when it ends */
	still->done(still);
	raid->still = NULL;
	repair_kick(raid);
}

void still_kick(struct raid *raid)
{
	struct still *still = raid->still;
	const struct repair *r;

	if (still == NULL || still->flushing || raid->n_views > 0)
		return;
	TAILQ_FOREACH(r, &raid->repairs_active, link)
		if (!r->inside_piece)
			return;
	still->flushing = true;
	still->flush.done = still_flushed;
	raid_flush_request(raid, &still->flush);
}

void still_wait(struct raid *raid, struct still *still)
{
	vc_assert(raid->still == NULL);
	still->raid = raid;
	still->flushing = false;
	raid->still = still;
	still_kick(raid);
}
