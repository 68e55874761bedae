/* SPDX-License-Identifier: Apache-2.0 */
/* Growth: disks that join a volume which is at work. A data disk joins a group, or a new group comes.
 *
 * THEORY. A new disk is all zeros, and zeros change no parity and no sum of entries: so nothing is read, computed or
 * moved. A data disk takes the last data position of its group (parity moves up by one), and its blocks get the VBNs
 * after the last one. It uses as many blocks as the parity disks have. Where the group becomes longer by it, what the
 * parity disks have there is made zeros before: one that was rebuilt may hold anything beyond its group. The disks are
 * blanked, then put into the tables in a moment in which all is still (raid/raid_still.h); then the labels say so,
 * those of the new disks first (LB2); then the geometry shows them. A crash on the way leaves the volume as it was, or
 * grown. Intents written before name no block of a new disk, and with its zeros they mean what they meant. A group that
 * has lost a disk does not grow: that disk's place comes first.
 * WRITE PATH previous hop raid.h; next hops disk_blank.h, label.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "raid/checksum_zone.h"
#include "raid/disk_blank.h"
#include "raid/intent.h"
#include "raid/raid_assemble.h"
#include "raid/raid_probe.h"
#include "raid/raid_still.h"
#include "raid/raid_volume.h"

struct grow_parity {
	struct grow *grow;
	struct disk_blank blank;
	struct member *member;
};

struct grow_disk {
	struct grow *grow;
	struct disk_blank blank;
	uint32_t n_dbn;
	bool is_parity, is_second;
	struct member *member; /* when it is needed: made before, so that nothing fails then */
};

struct grow {
	struct raid *raid;
	struct raid_group *group; /* the one there is, or the new one */
	bool new_group;
	unsigned n_disks, n_pending;
	unsigned n_parity; /* of a new group */
	struct grow_disk disks[RAID_MAX_GROUP_DISKS];
	struct disk *opened[RAID_MAX_GROUP_DISKS];
	char urls[RAID_MAX_GROUP_DISKS][256];
	struct grow_parity parity[RAID_MAX_GROUP_DISKS]; /* by position: those whose end is made zeros */
	void (*done)(void *arg, int err);
	void *arg;
	int err;
	struct probe probe;
	struct still still;
	struct label_wait label;
	struct task task;
};

static void grow_end_run(struct task *task)
{
	struct grow *gr = container_of(task, struct grow, task);
	struct raid *raid = gr->raid;
	void (*done)(void *arg, int err) = gr->done;
	void *arg = gr->arg;
	int err = gr->err;

	probe_fini(&gr->probe);
	for (unsigned i = 0; i < gr->n_disks; i++) {
		disk_close(gr->opened[i]);
		if (gr->disks[i].member != NULL)
			member_free(gr->disks[i].member);
	}
	if (gr->new_group && gr->group != NULL) {
		free(gr->group->outstanding);
		free(gr->group);
	}
	if (raid->grow == gr) /* not one that was refused: another is under way */
		raid->grow = NULL;
	raid_call_free(gr);
	done(arg, err);
	raid_idle_check(raid);
}

static void grow_end(struct grow *gr, int err)
{
	gr->err = err;
	gr->task.run = grow_end_run;
	world_defer(gr->raid->world, &gr->task);
}

/* ---- joining ----------------------------------------------------------------------------------------------------- */

/* The file system sees the new disks from here on. */
static void grow_publish(struct raid *raid, struct member *m)
{
	struct raid_geometry *geo = &raid->geometry;

	if (m->is_parity)
		return;
	raid->data_members[geo->n_data_disks] = m;
	geo->disks[geo->n_data_disks++] = (struct raid_disk_geometry){ m->vbn_first, m->n_dbn,
		                                                       (uint16_t)m->group->index,
		                                                       (uint16_t)m->position };
	geo->vbn_end = m->vbn_first + m->n_dbn;
	geo->n_groups = raid->n_groups;
	geo->n_parity[m->group->index] = (uint8_t)m->group->n_parity;
}

/* What it is in does not matter any more: it is a member, and what may happen to it next happens to a member. */
static void grow_labelled(struct label_wait *wait, int err)
{
	struct grow *gr = container_of(wait, struct grow, label);
	struct raid *raid = gr->raid;

	for (unsigned i = raid->n_members - gr->n_disks; i < raid->n_members && err == 0; i++)
		grow_publish(raid, raid->members[i]);
	fsinfo_ring_copy(raid);
	grow_end(gr, err);
}

/* The last data position is free after this. */
static void group_make_place(struct raid_group *g)
{
	for (unsigned i = g->n_members; i > g->n_data; i--) {
		g->members[i] = g->members[i - 1U];
		g->members[i]->position = i;
	}
	g->n_members++;
	g->n_data++;
}

static void grow_join(struct grow *gr, struct grow_disk *gd)
{
	struct raid *raid = gr->raid;
	struct raid_group *g = gr->group;
	struct member *m = gd->member;
	unsigned i = (unsigned)(gd - gr->disks);

	gd->member = NULL;
	m->disk = gr->opened[i];
	gr->opened[i] = NULL;
	m->index = raid->n_members++;
	raid->members[m->index] = m;
	if (!gr->new_group) {
		group_make_place(g);
		m->position = g->n_data - 1U;
	} else {
		m->position = i;
		g->n_data += gd->is_parity ? 0 : 1U;
		g->n_parity += gd->is_parity ? 1U : 0;
		g->n_members++;
		g->level = level_of(g->n_parity);
	}
	g->members[m->position] = m;
	if (!gd->is_parity)
		g->n_dbn = MAX_OF(g->n_dbn, m->n_dbn);
	log_info("raid", "disk_added", "disk=%s group=%u position=%u", m->url, g->index, m->position);
}

static int grow_refused(const struct grow *gr);

static void grow_swap(struct still *still)
{
	struct grow *gr = container_of(still, struct grow, still);
	struct raid *raid = gr->raid;
	int err = grow_refused(gr);

	if (err != 0) {
		grow_end(gr, err);
		return;
	}
	if (gr->new_group)
		raid->groups[raid->n_groups++] = gr->group;
	for (unsigned i = 0; i < gr->n_disks; i++)
		grow_join(gr, &gr->disks[i]);
	if (!gr->new_group)
		raid_write_group_grew(raid, gr->group);
	gr->new_group = false; /* it is the volume's now */
	raid->label.membership++;
	label_changed(raid);
	gr->label.done = grow_labelled;
	label_sync(raid, &gr->label);
}

/* ---- making ready ------------------------------------------------------------------------------------------------ */

static int grow_member_new(struct grow *gr, struct grow_disk *gd, uint32_t *io_vbn)
{
	struct member *m = member_new(gr->raid);
	unsigned i = (unsigned)(gd - gr->disks);
	uint8_t random[16];

	if (m == NULL)
		return -ENOMEM;
	gd->member = m;
	world_random(gr->raid->world, random, sizeof random);
	m->uuid = uuid_from_random(random);
	m->group = gr->group;
	m->is_parity = gd->is_parity;
	m->is_second = gd->is_second;
	m->size_blocks = gr->opened[i]->size_bytes / RAID_BLOCK_SIZE;
	m->n_dbn = gd->n_dbn;
	m->state = RAID_DISK_ONLINE;
	memcpy(m->url, gr->urls[i], sizeof m->url);
	if (!gd->is_parity) {
		m->vbn_first = *io_vbn;
		*io_vbn += gd->n_dbn;
	}
	return 0;
}

/* All memory that the volume will need, so that nothing can fail in the swap. */
static int grow_memory(struct grow *gr)
{
	struct raid *raid = gr->raid;
	unsigned n_members = (gr->new_group ? 0 : gr->group->n_members) + gr->n_disks;
	uint32_t vbn = raid->geometry.vbn_end;
	size_t n_zones = 0;
	int err = gr->new_group ? intent_group_init(raid, gr->group) : 0;

	for (unsigned i = 0; i < gr->n_disks && err == 0; i++) {
		n_zones += (1U + LEVEL_MAX_PARITY) * layout_n_zones(gr->disks[i].n_dbn); /* parity may get as many */
		err = grow_member_new(gr, &gr->disks[i], &vbn);
	}
	if (err == 0)
		err = checksum_cache_widen(raid, n_members, n_zones);
	if (err == 0)
		err = raid_write_widen(raid, n_members, gr->new_group ? gr->n_parity : gr->group->n_parity);
	return err != 0 ? err : raid_repair_widen(raid, n_members);
}

static void grow_blanked_all(struct grow *gr)
{
	int err = gr->err != 0 ? gr->err : grow_memory(gr);

	if (err != 0) {
		grow_end(gr, err);
		return;
	}
	gr->still.done = grow_swap;
	still_wait(gr->raid, &gr->still);
}

static void grow_blanked_one(struct grow *gr, int err)
{
	if (gr->err == 0)
		gr->err = err;
	if (--gr->n_pending == 0)
		grow_blanked_all(gr);
}

static void disk_blanked(struct disk_blank *blank, int err)
{
	grow_blanked_one(container_of(blank, struct grow_disk, blank)->grow, err);
}

static void parity_blanked(struct disk_blank *blank, int err)
{
	struct grow_parity *gp = container_of(blank, struct grow_parity, blank);

	gp->member->n_ios--;
	member_let_go(gp->member);
	grow_blanked_one(gp->grow, err);
}

/* They may be longer than their group was, and hold anything there. */
static void parity_blank(struct grow *gr)
{
	const struct raid_group *g = gr->group;

	for (unsigned i = g->n_data; i < g->n_members && gr->disks[0].n_dbn > g->n_dbn; i++) {
		struct member *m = g->members[i];
		struct grow_parity *gp = &gr->parity[i];

		*gp = (struct grow_parity){
			.grow = gr,
			.blank = { .disk = m->disk,
			           .first_block = layout_data_block(&gr->raid->layout, g->n_dbn),
			           .overwrite = true,
			           .done = parity_blanked },
			.member = m,
		};
		gr->n_pending++;
		m->n_ios++; /* it stays open */
		disk_blank_start(&gp->blank);
	}
}

static void grow_probed(struct probe *probe)
{
	struct grow *gr = container_of(probe, struct grow, probe);
	struct label *label = raid_call_new(sizeof *label);
	int err = 0;

	for (unsigned i = 0; i < gr->n_disks && err == 0; i++) {
		err = probe->disks[i].err;
		for (unsigned copy = 0; copy < 2 && err == 0; copy++)
			if (label_decode(probe_label(probe, i, copy), label) != -ENOENT)
				err = -EEXIST;
	}
	raid_call_free(label);
	if (err == 0)
		err = grow_refused(gr); /* time has passed */
	if (err != 0) {
		grow_end(gr, err);
		return;
	}
	gr->n_pending = gr->n_disks;
	if (!gr->new_group)
		parity_blank(gr);
	for (unsigned i = 0; i < gr->n_disks; i++) {
		gr->disks[i].blank = (struct disk_blank){ .disk = gr->opened[i],
			                                  .front_blocks = gr->raid->layout.log_first,
			                                  .overwrite = true,
			                                  .done = disk_blanked };
		disk_blank_start(&gr->disks[i].blank);
	}
}

/* ---- what fits --------------------------------------------------------------------------------------------------- */

int raid_growth(const struct raid *raid, unsigned group, uint64_t size_bytes, uint32_t *ret_blocks)
{
	const struct raid_group *g = group < raid->n_groups ? raid->groups[group] : NULL;
	uint32_t n = layout_n_dbn(&raid->layout, size_bytes / RAID_BLOCK_SIZE);

	*ret_blocks = 0;
	if (g == NULL)
		return -ENOENT;
	if (g->n_data == RAID_MAX_GROUP_DATA || raid->n_members == RAID_LABEL_MAX_MEMBERS)
		return -EMLINK;
	if (n == 0)
		return -ERANGE;
	for (unsigned i = g->n_data; i < g->n_members; i++)
		n = MIN_OF(n, g->members[i]->n_dbn);
	*ret_blocks = n;
	return (uint64_t)raid->geometry.vbn_end + *ret_blocks >= VBN_ZERO ? -EFBIG : 0;
}

static int plan_new_group(struct grow *gr)
{
	const struct raid *raid = gr->raid;
	uint64_t vbn = raid->geometry.vbn_end;
	uint32_t longest = 0;

	for (unsigned i = 0; i < gr->n_disks; i++) {
		struct grow_disk *gd = &gr->disks[i];

		gd->n_dbn = layout_n_dbn(&raid->layout, gr->opened[i]->size_bytes / RAID_BLOCK_SIZE);
		gd->is_parity = i >= gr->n_disks - gr->n_parity;
		gd->is_second = i > gr->n_disks - gr->n_parity;
		if (gd->n_dbn == 0 || (gd->is_parity && gd->n_dbn < longest))
			return -ERANGE;
		longest = gd->is_parity ? longest : MAX_OF(longest, gd->n_dbn);
		vbn += gd->is_parity ? 0 : gd->n_dbn;
	}
	return vbn >= VBN_ZERO ? -EFBIG : 0;
}

static int grow_plan(struct grow *gr)
{
	return gr->new_group ? plan_new_group(gr)
	                     : raid_growth(gr->raid, gr->group->index, gr->opened[0]->size_bytes, &gr->disks[0].n_dbn);
}

/* ---- the door ---------------------------------------------------------------------------------------------------- */

/* Besides what does not fit. */
static int grow_refused(const struct grow *gr)
{
	const struct raid *raid = gr->raid;
	const struct raid_group *g = gr->group;

	if (raid->read_only || raid->closing)
		return -EROFS;
	if (gr->new_group)
		return raid->room.cut_off ? -EIO : 0;
	if (g->rebuild != NULL)
		return -EBUSY;
	return g->n_lost > 0 || group_failed(g) ? -EIO : 0;
}

static int grow_open(struct grow *gr)
{
	struct raid *raid = gr->raid;
	int err = 0;

	for (unsigned i = 0; i < gr->n_disks && err == 0; i++)
		err = disk_open(raid->world, gr->urls[i], &gr->opened[i]);
	if (err == 0)
		err = grow_plan(gr);
	return err != 0 ? err : probe_start(&gr->probe, raid->world, gr->opened, gr->n_disks, grow_probed);
}

static struct grow *grow_new(struct raid *raid, const char *const *urls, unsigned n_disks,
                             void (*done)(void *arg, int err), void *arg)
{
	struct grow *gr = raid_call_new(sizeof *gr);

	gr->raid = raid;
	gr->n_disks = n_disks;
	gr->done = done;
	gr->arg = arg;
	for (unsigned i = 0; i < n_disks; i++) {
		gr->disks[i].grow = gr;
		(void)snprintf(gr->urls[i], sizeof gr->urls[i], "%s", urls[i]);
	}
	return gr;
}

static void grow_start(struct grow *gr, int err)
{
	struct raid *raid = gr->raid;

	if (err == 0)
		err = grow_refused(gr);
	if (err == 0 && raid_is_changing(raid))
		err = -EBUSY;
	if (err == 0) {
		raid->grow = gr;
		err = grow_open(gr);
	}
	if (err != 0)
		grow_end(gr, err);
}

void raid_add_disk(struct raid *raid, unsigned group, const char *url, void (*done)(void *arg, int err), void *arg)
{
	struct grow *gr = grow_new(raid, &url, 1, done, arg);

	gr->group = group < raid->n_groups ? raid->groups[group] : NULL;
	grow_start(gr, gr->group == NULL ? -ENOENT : 0);
}

void raid_add_group(struct raid *raid, const struct raid_group_spec *spec, void (*done)(void *arg, int err), void *arg)
{
	unsigned n_parity = MAX_OF(spec->n_parity, 1U);
	bool fits = n_parity <= LEVEL_MAX_PARITY && spec->n_disks > n_parity &&
	            spec->n_disks <= RAID_MAX_GROUP_DATA + n_parity;
	struct grow *gr = grow_new(raid, spec->disk_urls, fits ? spec->n_disks : 0, done, arg);
	int err = fits ? 0 : -EINVAL;

	if (raid->n_groups == RAID_MAX_GROUPS || raid->n_members + gr->n_disks > RAID_LABEL_MAX_MEMBERS)
		err = -EMLINK;
	gr->new_group = true;
	gr->n_parity = n_parity;
	gr->group = calloc(1, sizeof *gr->group);
	if (gr->group == NULL) {
		err = -ENOMEM;
	} else {
		gr->group->raid = raid;
		gr->group->index = raid->n_groups;
	}
	grow_start(gr, err);
}
