/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper of a volume's snapshots. */
#include "admin/keeper.h"
#include "base/must.h"
#include "fs/message.h"

#include "admin/policy.h"
#include "fs/volume.h"

#define LOOK_NS (60ULL * 1000000000U) /* the longest sleep: a clock that was set is noticed after so long */
#define AGAIN_NS (30ULL * 1000000000U) /* the volume was busy */
#define KEPT_NS (600ULL * 1000000000U) /* a LUN needs a surplus snapshot */
#define ATTEMPTS 20U /* names tried for one moment */

struct keeper {
	struct admin *admin;
	struct fs_volume *volume; /* referenced */
	struct schedule_rule rules[SCHEDULE_KINDS];
	int64_t set_s[SCHEDULE_KINDS]; /* when the rule was set */
	int64_t since_s[SCHEDULE_KINDS]; /* everything due until then is done */
	struct timer timer;
	struct fs_message msg;
	bool busy; /* msg is under way */
	bool stopped;
	bool learned; /* since_s is known */
	bool prune; /* look for surplus ones */
	struct fs_autodelete autodelete, autodelete_sent; /* as it is to be; as the message under way has it */
	bool tell; /* the volume does not know it yet */
	uint64_t wait_until_ns, prune_at_ns; /* monotonic; 0: none */
	/* the snapshot being made */
	enum schedule_kind kind;
	int64_t moment_s;
	unsigned attempt;
	char name[64];
	/* those being deleted */
	struct fs_snapshot_info *victims;
	size_t n_victims, next_victim;
	bool deleted, refused; /* some of this round were */
	uint32_t told[SCHEDULE_KEEP_MAX]; /* ids of those known to be needed by LUNs */
	size_t n_told;
};

static void keeper_go(struct keeper *keeper);

static void keeper_free(struct keeper *keeper)
{
	world_timer_cancel(&keeper->timer);
	fs_volume_put(keeper->volume);
	free(keeper->victims);
	free(keeper);
}

static int64_t now_s(const struct keeper *keeper)
{
	return world_wall_ns(keeper->admin->world) / 1000000000;
}

static struct fs_message *message(struct keeper *keeper, enum fs_op op, void (*done)(struct fs_message *msg))
{
	fs_message_init(&keeper->msg, op, keeper->volume, done, keeper);
	keeper->msg.cls = FS_CLASS_ADMIN;
	keeper->msg.origin = keeper->admin->world;
	keeper->busy = true;
	return &keeper->msg;
}

static void set_name(struct fs_message *msg, const char *name)
{
	msg->in.name = name;
	msg->in.name_len = (uint32_t)strlen(name);
}

/* The answer has been looked at: on with the next thing. */
static void answered(struct keeper *keeper)
{
	fs_message_fini(&keeper->msg);
	keeper->busy = false;
	if (keeper->stopped)
		keeper_free(keeper);
	else
		keeper_go(keeper);
}

static bool is_passing(int err)
{
	return err == -FS_EJUKEBOX || err == -EBUSY || err == -EAGAIN;
}

/* ---- sleeping ---------------------------------------------------------------------------------------------------- */

static void woke(struct timer *timer)
{
	keeper_go(container_of(timer, struct keeper, timer));
}

static void sleep_until(struct keeper *keeper, uint64_t *io_delay_ns, uint64_t at_ns)
{
	uint64_t now = world_now_ns(keeper->admin->world), delay = at_ns > now ? at_ns - now : 0;

	if (at_ns != 0 && delay < *io_delay_ns)
		*io_delay_ns = delay;
}

static void go_to_sleep(struct keeper *keeper)
{
	int64_t wall_ns = world_wall_ns(keeper->admin->world);
	uint64_t delay = LOOK_NS;
	bool any = keeper->prune_at_ns != 0 || !keeper->learned || keeper->tell;

	for (unsigned kind = 0; kind < SCHEDULE_KINDS; kind++) {
		if (keeper->rules[kind].keep == 0)
			continue;
		int64_t next = schedule_next((enum schedule_kind)kind, &keeper->rules[kind], wall_ns / 1000000000) *
		                   1000000000 -
		               wall_ns;
		delay = MIN_OF(delay, (uint64_t)next);
		any = true;
	}
	sleep_until(keeper, &delay, keeper->prune_at_ns);
	if (keeper->wait_until_ns != 0) { /* nothing before */
		delay = LOOK_NS;
		sleep_until(keeper, &delay, keeper->wait_until_ns);
	}
	world_timer_cancel(&keeper->timer);
	if (any)
		world_timer_set(keeper->admin->world, &keeper->timer, delay);
}

static void wait_for(struct keeper *keeper, uint64_t ns)
{
	keeper->wait_until_ns = world_now_ns(keeper->admin->world) + ns;
}

/* ---- surplus ones ------------------------------------------------------------------------------------------------ */

static bool was_told(const struct keeper *keeper, uint32_t id)
{
	for (size_t i = 0; i < keeper->n_told; i++) {
		if (keeper->told[i] == id)
			return true;
	}
	return false;
}

static void victim_deleted(struct fs_message *msg)
{
	struct keeper *keeper = msg->owner;
	const struct fs_snapshot_info *victim = &keeper->victims[keeper->next_victim++];
	const char *volume = fs_volume_name(keeper->volume);

	if (msg->status == 0) {
		keeper->deleted = true;
		log_info("admin", "snapshot_expired", "volume=%s snapshot=%s", volume, victim->name);
	} else if (msg->status != -ENOENT && msg->status != -ENODEV) {
		keeper->refused = true;
		if (!was_told(keeper, victim->id)) {
			log_warn("admin", "snapshot_not_expired", "volume=%s snapshot=%s error=%s text=\"%s\"", volume,
			         victim->name, error_name(msg->status), msg->out.error_text);
			if (keeper->n_told < ARRAY_SIZE(keeper->told))
				keeper->told[keeper->n_told++] = victim->id;
		}
	}
	/* One that was deleted may have been what another was needed for: a LUN in a snapshot needs its backing
	 * snapshot too. */
	if (keeper->refused)
		keeper->prune_at_ns = world_now_ns(keeper->admin->world) + (keeper->deleted ? AGAIN_NS : KEPT_NS);
	answered(keeper);
}

static void collect_victims(struct keeper *keeper, const struct fs_snapshot_info *list, size_t n)
{
	size_t index[SCHEDULE_KEEP_MAX];
	uint32_t still[SCHEDULE_KEEP_MAX];
	size_t n_still = 0;

	keeper->victims = calloc(MAX_OF(n, (size_t)1), sizeof *keeper->victims);
	if (keeper->victims == NULL)
		return; /* at the next turn, then */
	for (unsigned kind = 0; kind < SCHEDULE_KINDS; kind++) {
		size_t found = schedule_surplus((enum schedule_kind)kind, &keeper->rules[kind], list, n, index,
		                                ARRAY_SIZE(index));
		for (size_t i = 0; i < found; i++)
			keeper->victims[keeper->n_victims++] = list[index[i]];
	}
	for (size_t i = 0; i < keeper->n_victims && n_still < ARRAY_SIZE(still); i++) {
		if (was_told(keeper, keeper->victims[i].id))
			still[n_still++] = keeper->victims[i].id;
	}
	memcpy(keeper->told, still, n_still * sizeof still[0]);
	keeper->n_told = n_still;
}

static void prune_listed(struct fs_message *msg)
{
	struct keeper *keeper = msg->owner;

	keeper->prune = false;
	keeper->prune_at_ns = 0;
	free(keeper->victims);
	keeper->victims = NULL;
	keeper->n_victims = keeper->next_victim = 0;
	keeper->deleted = keeper->refused = false;
	if (msg->status == 0)
		collect_victims(keeper, msg->out.snapshots, msg->out.n);
	else if (msg->status != -ENODEV)
		keeper->prune_at_ns = world_now_ns(keeper->admin->world) + AGAIN_NS;
	answered(keeper);
}

/* ---- making them ------------------------------------------------------------------------------------------------- */

static void made(struct fs_message *msg)
{
	struct keeper *keeper = msg->owner;
	const char *volume = fs_volume_name(keeper->volume);

	if (msg->status == -EEXIST && keeper->attempt < ATTEMPTS) {
		keeper->attempt++;
	} else if (is_passing(msg->status)) {
		wait_for(keeper, AGAIN_NS);
		keeper->attempt = 1;
	} else {
		keeper->since_s[keeper->kind] = keeper->moment_s;
		keeper->attempt = 1;
		if (msg->status == 0)
			log_info("admin", "snapshot_scheduled", "volume=%s snapshot=%s", volume, keeper->name);
		else if (msg->status != -ENODEV)
			log_error("admin", "snapshot_missed", "volume=%s snapshot=%s error=%s text=\"%s\"", volume,
			          keeper->name, error_name(msg->status), msg->out.error_text);
		keeper->prune = true;
	}
	answered(keeper);
}

static bool make_due(struct keeper *keeper)
{
	int64_t now = now_s(keeper);

	for (unsigned i = 0; i < SCHEDULE_KINDS; i++) {
		enum schedule_kind kind = (enum schedule_kind)i;
		int64_t moment = schedule_due(kind, &keeper->rules[kind], &keeper->since_s[kind], now);
		if (moment == 0)
			continue;
		keeper->kind = kind;
		keeper->moment_s = moment;
		schedule_name(kind, now, keeper->attempt, keeper->name);
		struct fs_message *msg = message(keeper, FS_SNAPSHOT_CREATE, made);
		set_name(msg, keeper->name);
		msg->in.scheduled = true;
		fs_message_send(msg);
		return true;
	}
	return false;
}

static void learned(struct fs_message *msg)
{
	struct keeper *keeper = msg->owner;

	if (msg->status == 0) {
		for (unsigned kind = 0; kind < SCHEDULE_KINDS; kind++)
			keeper->since_s[kind] = schedule_since((enum schedule_kind)kind, keeper->set_s[kind],
			                                       msg->out.snapshots, msg->out.n);
		keeper->learned = true;
	} else {
		wait_for(keeper, AGAIN_NS);
	}
	answered(keeper);
}

static void told_policy(struct fs_message *msg)
{
	struct keeper *keeper = msg->owner;

	if (msg->status != 0 && msg->status != -ENODEV) {
		log_error("admin", "autodelete_not_set", "volume=%s error=%s text=\"%s\"",
		          fs_volume_name(keeper->volume), error_name(msg->status), msg->out.error_text);
		keeper->tell = true;
		wait_for(keeper, AGAIN_NS);
	}
	answered(keeper);
}

static void tell_policy(struct keeper *keeper)
{
	keeper->tell = false;
	keeper->autodelete_sent = keeper->autodelete;
	message(keeper, FS_AUTODELETE_SET, told_policy)->in.autodelete = &keeper->autodelete_sent;
	fs_message_send(&keeper->msg);
}

/* ---- the next thing to do ---------------------------------------------------------------------------------------- */

static void keeper_go(struct keeper *keeper)
{
	uint64_t now = world_now_ns(keeper->admin->world);

	if (keeper->busy || keeper->stopped)
		return;
	if (keeper->wait_until_ns > now) {
		go_to_sleep(keeper);
		return;
	}
	keeper->wait_until_ns = 0;
	if (keeper->tell) {
		tell_policy(keeper);
	} else if (!keeper->learned) {
		fs_message_send(message(keeper, FS_SNAPSHOT_LIST, learned));
	} else if (keeper->next_victim < keeper->n_victims) {
		set_name(message(keeper, FS_SNAPSHOT_DELETE, victim_deleted),
		         keeper->victims[keeper->next_victim].name);
		fs_message_send(&keeper->msg);
	} else if (!make_due(keeper)) {
		if (keeper->prune || (keeper->prune_at_ns != 0 && keeper->prune_at_ns <= now))
			fs_message_send(message(keeper, FS_SNAPSHOT_LIST, prune_listed));
		else
			go_to_sleep(keeper);
	}
}

static void take_rules(struct keeper *keeper, json_t *records)
{
	for (unsigned i = 0; i < SCHEDULE_KINDS; i++) {
		enum schedule_kind kind = (enum schedule_kind)i;
		struct schedule_rule rule;
		int64_t set_s;
		(void)policy_rule(records, kind, &rule, &set_s);
		if (set_s != keeper->set_s[kind])
			keeper->since_s[kind] = set_s;
		keeper->rules[kind] = rule;
		keeper->set_s[kind] = set_s;
	}
	keeper->prune = true;
	policy_autodelete(records, &keeper->autodelete);
	keeper->tell = true;
}

void keeper_start(struct admin *admin, struct known_volume *known)
{
	struct keeper *keeper = must(calloc(1, sizeof *keeper));

	keeper->admin = admin;
	keeper->volume = fs_volume_get(known->volume);
	keeper->timer.fire = woke;
	keeper->attempt = 1;
	take_rules(keeper, known->policy);
	known->keeper = keeper;
	keeper_go(keeper);
}

void keeper_refresh(struct known_volume *known)
{
	if (known->keeper == NULL)
		return;
	take_rules(known->keeper, known->policy);
	keeper_go(known->keeper);
}

void keeper_stop(struct known_volume *known)
{
	struct keeper *keeper = known->keeper;

	if (keeper == NULL)
		return;
	known->keeper = NULL;
	keeper->stopped = true;
	world_timer_cancel(&keeper->timer);
	if (!keeper->busy)
		keeper_free(keeper);
}
