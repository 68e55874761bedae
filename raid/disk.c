/* SPDX-License-Identifier: Apache-2.0 */
/* The table of disk drivers and the search for one by URL. */
#include "raid/disk.h"

#include <string.h>

#include "raid/filedisk.h"

#define MAX_DRIVERS 8U

static const struct disk_driver *drivers[MAX_DRIVERS] = { &filedisk_driver };
static unsigned n_drivers = 1;

void disk_driver_register(const struct disk_driver *driver)
{
	for (unsigned i = 0; i < n_drivers; i++)
		if (drivers[i] == driver)
			return;
	vc_assert(n_drivers < MAX_DRIVERS);
	drivers[n_drivers++] = driver;
}

static bool scheme_matches(const struct disk_driver *driver, const char *url, const char **ret_location)
{
	size_t len = strlen(driver->scheme);

	if (strncmp(url, driver->scheme, len) != 0 || url[len] != ':' || url[len + 1] == '\0')
		return false;
	*ret_location = url + len + 1;
	return true;
}

int disk_driver_find(const char *url, const struct disk_driver **ret_driver, const char **ret_location)
{
	for (unsigned i = n_drivers; i-- > 0;) {
		if (scheme_matches(drivers[i], url, ret_location)) {
			*ret_driver = drivers[i];
			return 0;
		}
	}
	if (url[0] != '/')
		return -EINVAL;
	*ret_driver = &filedisk_driver;
	*ret_location = url;
	return 0;
}

int disk_create(const char *url, uint64_t size_bytes)
{
	const struct disk_driver *driver;
	const char *location;
	int err = disk_driver_find(url, &driver, &location);

	return err != 0 ? err : driver->create(location, size_bytes);
}

int disk_preallocate(const char *url)
{
	const struct disk_driver *driver;
	const char *location;
	int err = disk_driver_find(url, &driver, &location);

	return err != 0 ? err : driver->preallocate != NULL ? driver->preallocate(location) : 0;
}

int disk_destroy(const char *url)
{
	const struct disk_driver *driver;
	const char *location;
	int err = disk_driver_find(url, &driver, &location);

	return err != 0 ? err : driver->destroy(location);
}

bool disk_same(const char *url, const char *other)
{
	const struct disk_driver *a, *b;
	const char *location, *other_location;

	if (disk_driver_find(url, &a, &location) != 0 || disk_driver_find(other, &b, &other_location) != 0 || a != b)
		return false;
	return strcmp(location, other_location) == 0 || (a->same != NULL && a->same(location, other_location));
}

int disk_open(struct world *world, const char *url, struct disk **ret_disk)
{
	const struct disk_driver *driver;
	const char *location;
	int err = disk_driver_find(url, &driver, &location);

	return err != 0 ? err : driver->open(world, location, ret_disk);
}

void disk_close(struct disk *disk)
{
	if (disk != NULL)
		disk->driver->close(disk);
}
