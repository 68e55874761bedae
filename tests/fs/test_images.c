/* SPDX-License-Identifier: Apache-2.0 */
/* Images from elsewhere: small real volumes, clean, in the middle of work and after crashes, in which one to three
 * fields have any values, with checksums that fit. Such a volume is refused, or it mounts and never gives wrong data;
 * nothing asserts, reads wild, or goes on for ever. Each image is a process of its own, and a number: `test_images
 * FIRST COUNT` does those. */
#include "tests/fs/imagedamage.h"
#include "tests/fs/imageuse.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/page.h"
#include "fs/core/core.h"
#include "raid/raid_volume.h"
#include "tests/support/memdisk.h"

#define N_DISKS 3U
#define DISK_BYTES (20ULL << 20)
#define DAMAGES_MAX 3U
#define SECONDS_MAX 120U /* of CPU, of one image: hundreds of times what any takes */

static struct fsbox box;
static char made[N_DISKS][64];
static uint64_t first, count = 64;
static bool in_child;

/* What a wild allocation would take. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "hard_rss_limit_mb=1200:detect_leaks=1";
}

/* ---- the volumes ---- */

static void made_keep(void)
{
	for (unsigned i = 0; i < N_DISKS; i++)
		memcpy(made[i], box.urls[i], sizeof made[i]);
}

static int closed_make(void (*populate)(struct fsbox *box), bool busy)
{
	box_open(&box, 77, N_DISKS, DISK_BYTES, 4096);
	populate(&box);
	assert_int_equal(box_unmount(&box), 0);
	image_spots_find(&box, busy);
	made_keep();
	return 0;
}

static int clean_make(void **state)
{
	(void)state;
	return closed_make(cb_populate, false);
}

static int busy_make(void **state)
{
	(void)state;
	return closed_make(cb_populate_busy, true);
}

/* A record of each kind that clients can cause. */
static void log_all(void)
{
	static uint8_t bytes[20000];
	struct fs_file_id id;
	struct fs_message msg;

	for (unsigned i = 0; i < 3; i++) {
		char name[16];

		snprintf(name, sizeof name, "logged%u", i);
		assert_int_equal(box_create(&box, box_root, name, &id), 0);
		assert_int_equal(box_write(&box, id, i * 7000U, bytes, sizeof bytes, FS_FILE_SYNC), 0);
	}
	assert_int_equal(box_remove(&box, box_root, "logged1"), 0);
	assert_int_equal(box_truncate(&box, id, 3000), 0);
	assert_int_equal(box_resolve(&box, "/top", &id), 0);
	assert_int_equal(box_zero(&box, id, 4096, 20 * 4096), 0);
	assert_int_equal(vd_create(&box, "/logged", 1 * MIB, "/.snapshot/s3/lun", false), 0);
	assert_int_equal(vd_set_maps(&box, "/logged", "maps"), 0);
	assert_int_equal(vd_create(&box, "/short", 1 * MIB, NULL, false), 0);
	assert_int_equal(vd_destroy(&box, "/short", true), 0);
	fs_message_init(&msg, FS_RENAME, box.vol, NULL, NULL);
	msg.file = msg.in.to_dir = box_root;
	msg.in.name = "logged0";
	msg.in.to_name = "renamed";
	msg.in.name_len = msg.in.to_name_len = 7;
	assert_int_equal(box_send(&box, &msg), 0);
	fs_message_fini(&msg);
}

static int logged_make(void **state)
{
	(void)state;
	box_open(&box, 77, N_DISKS, DISK_BYTES, 4096);
	cb_populate(&box);
	image_spots_find(&box, false);
	log_all();
	box_cut(&box, 9);
	made_keep();
	return 0;
}

static void on_sync(struct fs_message *msg)
{
	(void)msg;
}

/* Power fails while a consistency point writes: intents are pending, and the log holds what it was to cover. */
static int cut_make(void **state)
{
	static struct fs_message sync; /* never answered */
	struct fs_file_id id;

	(void)state;
	box_open(&box, 78, N_DISKS, DISK_BYTES, 4096);
	memdisk_set_latency(300000);
	cb_populate(&box);
	image_spots_find(&box, false);
	log_all();
	assert_int_equal(box_resolve(&box, "/lun", &id), 0);
	for (uint32_t i = 0; i < 200; i += 3)
		vd_write(&box, id, i, i + 7U, FS_UNSTABLE);
	fs_message_init(&sync, FS_SYNC, box.vol, on_sync, NULL);
	fs_message_send(&sync);
	for (unsigned i = 0; i < 1000 && box.vol->raid->groups[0]->n_outstanding == 0; i++)
		box_run(&box, 50000);
	box_run(&box, 400000);
	assert_true(box.vol->raid->groups[0]->n_outstanding > 0);
	box_cut(&box, 10);
	memdisk_set_latency(0);
	made_keep();
	return 0;
}

static int volume_drop(void **state)
{
	(void)state;
	if (in_child)
		_exit(1); /* an assertion of the test's has come here */
	box_close(&box);
	return 0;
}

/* ---- an image ---- */

static void image_do(uint64_t number)
{
	uint64_t seed = number * 1000003U;
	unsigned n = 1U + (unsigned)(number % DAMAGES_MAX);
	char what[512];

	for (unsigned i = 0; i < N_DISKS; i++) {
		char name[32];

		snprintf(name, sizeof name, "image.%u", i);
		assert_int_equal(memdisk_clone(made[i] + 4, name), 0);
		snprintf(box.urls[i], sizeof box.urls[i], "mem:%s", name);
	}
	for (unsigned i = 0; i < n; i++) {
		image_damage(&box, &seed, what, sizeof what);
		fprintf(stderr, "image %llu: %s\n", (unsigned long long)number, what);
	}
	image_use(&box, number);
}

/* In a process of its own, whose end is judged. */
static bool image_is_borne(uint64_t number)
{
	struct rlimit limit = { SECONDS_MAX, SECONDS_MAX };
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		in_child = true;
		(void)setrlimit(RLIMIT_CPU, &limit);
		image_do(number);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0)
		print_error("image %llu: %s %d\n", (unsigned long long)number,
		            WIFSIGNALED(status) ? "signal" : "status",
		            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return status == 0;
}

static void images_of(unsigned base)
{
	unsigned n = 0, n_bad = 0;

	for (uint64_t number = first; number < first + count; number++) {
		if (number % 4U != base)
			continue;
		n++;
		n_bad += !image_is_borne(number);
	}
	print_message("%u images, %u bad\n", n, n_bad);
	assert_int_equal(n_bad, 0);
}

static void a_closed_volume_with_any_fields_does_no_harm(void **state)
{
	(void)state;
	images_of(0);
}

static void a_volume_in_the_middle_of_work_with_any_fields_does_no_harm(void **state)
{
	(void)state;
	images_of(1);
}

static void a_crashed_volume_with_any_records_does_no_harm(void **state)
{
	(void)state;
	images_of(2);
}

static void a_volume_cut_while_it_wrote_with_any_intents_does_no_harm(void **state)
{
	(void)state;
	images_of(3);
}

/* The next root would not be the newest: all that is written would be gone at the next mount. */
static void a_root_whose_head_and_body_disagree_is_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_DISKS; i++)
		memcpy(box.urls[i], made[i], sizeof made[i]);
	image_root_generation(&box, 1);
	assert_int_equal(box_mount(&box), -EUCLEAN);
	image_root_generation(&box, UINT64_MAX);
	assert_int_equal(box_mount(&box), 0);
	assert_int_equal(box_unmount(&box), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_root_whose_head_and_body_disagree_is_refused, clean_make,
		                                volume_drop),
		cmocka_unit_test_setup_teardown(a_closed_volume_with_any_fields_does_no_harm, clean_make, volume_drop),
		cmocka_unit_test_setup_teardown(a_volume_in_the_middle_of_work_with_any_fields_does_no_harm, busy_make,
		                                volume_drop),
		cmocka_unit_test_setup_teardown(a_crashed_volume_with_any_records_does_no_harm, logged_make,
		                                volume_drop),
		cmocka_unit_test_setup_teardown(a_volume_cut_while_it_wrote_with_any_intents_does_no_harm, cut_make,
		                                volume_drop),
	};

	if (argc == 3) {
		first = strtoull(argv[1], NULL, 10);
		count = strtoull(argv[2], NULL, 10);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
