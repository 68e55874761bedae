/* SPDX-License-Identifier: Apache-2.0 */
/* From the administration's tables to the protocols'. */
#include "server/glue.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "fs/volume.h"

int glue_init(struct glue *glue)
{
	*glue = (struct glue){ 0 };
	int err = export_table_new(&glue->exports);
	if (err == 0)
		err = lunmap_new(&glue->maps);
	return err;
}

static void volumes_forget(struct glue_volumes *volumes)
{
	for (size_t i = 0; i < volumes->n; i++)
		fs_volume_put(volumes->list[i]);
	free(volumes->list);
	*volumes = (struct glue_volumes){ 0 };
}

void glue_fini(struct glue *glue)
{
	volumes_forget(&glue->exported);
	volumes_forget(&glue->mapped);
	if (glue->exports != NULL)
		export_table_free(glue->exports);
	if (glue->maps != NULL)
		lunmap_free(glue->maps);
}

static bool volumes_has(const struct glue_volumes *volumes, const struct fs_volume *volume)
{
	for (size_t i = 0; i < volumes->n; i++) {
		if (volumes->list[i] == volume)
			return true;
	}
	return false;
}

/* The same volume, perhaps mounted anew since. */
static bool volumes_has_uuid(const struct glue_volumes *volumes, const struct uuid *uuid)
{
	for (size_t i = 0; i < volumes->n; i++)
		if (uuid_equal(fs_volume_uuid(volumes->list[i]), uuid))
			return true;
	return false;
}

static void volumes_add(struct glue_volumes *volumes, struct fs_volume *volume)
{
	if (volumes_has(volumes, volume))
		return;
	volumes->list = must(reallocarray(volumes->list, volumes->n + 1, sizeof(struct fs_volume *)));
	volumes->list[volumes->n++] = fs_volume_get(volume);
}

/* ---- exports ----------------------------------------------------------------------------------------------------- */

/* A rule that is none may have been there to keep somebody out: then nobody gets in. */
static unsigned make_clients(const struct admin_export *export, struct export_client *clients)
{
	for (size_t i = 0; i < export->n_rules; i++) {
		const struct admin_rule *rule = &export->rules[i];
		int err = export_client_init(&clients[i], rule->client);
		if (err != 0) {
			log_error("server", "export_rule_bad", "export=%s client=%s error=%s: nobody may use it",
			          export->path, rule->client, error_name(err));
			return 0;
		}
		clients[i].read_write = rule->read_write;
		clients[i].secure = rule->secure;
		clients[i].squash = rule->all_squash    ? EXPORT_SQUASH_ALL
		                    : rule->root_squash ? EXPORT_SQUASH_ROOT
		                                        : EXPORT_SQUASH_NONE;
		clients[i].anon_uid = rule->anon_uid;
		clients[i].anon_gid = rule->anon_gid;
	}
	return (unsigned)export->n_rules;
}

static void set_exports(struct glue *glue, struct fs_volume *volume, const struct admin_export *exports, size_t n)
{
	struct export_spec *specs = must(calloc(n + 1, sizeof *specs));
	struct export_client **clients = must(calloc(n + 1, sizeof *clients));
	unsigned n_specs = 0;

	for (size_t i = 0; i < n; i++) {
		if (exports[i].volume != volume)
			continue;
		clients[n_specs] = must(calloc(exports[i].n_rules + 1, sizeof **clients));
		specs[n_specs] = (struct export_spec){ .id = exports[i].id,
			                               .path = exports[i].inner,
			                               .clients = clients[n_specs],
			                               .root = exports[i].root };
		specs[n_specs].n_clients = make_clients(&exports[i], clients[n_specs]);
		n_specs++;
	}
	int err = export_table_set(glue->exports, fs_volume_uuid(volume), fs_volume_name(volume), specs, n_specs);
	if (err != 0)
		log_error("server", "exports_refused", "volume=%s error=%s", fs_volume_name(volume), error_name(err));
	for (size_t i = 0; i < n_specs; i++)
		free(clients[i]);
	free(clients);
	free(specs);
}

void glue_exports(struct glue *glue, const struct admin_export *exports, size_t n)
{
	struct glue_volumes before = glue->exported;

	glue->exported = (struct glue_volumes){ 0 };
	for (size_t i = 0; i < n; i++)
		volumes_add(&glue->exported, exports[i].volume);
	for (size_t i = 0; i < glue->exported.n; i++)
		set_exports(glue, glue->exported.list[i], exports, n);
	for (size_t i = 0; i < before.n; i++) {
		if (volumes_has_uuid(&glue->exported, fs_volume_uuid(before.list[i])))
			continue;
		int err = export_table_delete(glue->exports, fs_volume_uuid(before.list[i]));
		if (err != 0)
			log_error("server", "exports_not_withdrawn", "volume=%s error=%s",
			          fs_volume_name(before.list[i]), error_name(err));
	}
	volumes_forget(&before);
}

/* ---- LUN maps ---------------------------------------------------------------------------------------------------- */

struct entries {
	struct lunmap_entry *list;
	unsigned n;
};

static void add_entry(struct entries *entries, const struct admin_lun *lun, const struct admin_map *map,
                      const struct admin_igroup *igroup, const char *initiator)
{
	entries->list = must(reallocarray(entries->list, entries->n + 1U, sizeof *entries->list));
	entries->list[entries->n++] = (struct lunmap_entry){ .igroup = igroup->name,
		                                             .initiator = initiator,
		                                             .lun = map->lun,
		                                             .file = lun->id,
		                                             .uuid = lun->uuid,
		                                             .serial = lun->serial,
		                                             .size_bytes = lun->size_bytes,
		                                             .write_cache = lun->write_cache,
		                                             .online = lun->online,
		                                             .reserved = lun->reserved };
}

static void replace_maps(struct glue *glue, struct fs_volume *volume, const struct admin_igroup *igroups,
                         const struct admin_lun *luns, size_t n_luns)
{
	struct entries entries = { 0 };

	for (size_t i = 0; i < n_luns; i++) {
		for (size_t m = 0; luns[i].volume == volume && m < luns[i].n_maps; m++) {
			const struct admin_igroup *igroup = &igroups[luns[i].maps[m].igroup];
			for (size_t k = 0; k < igroup->n_initiators; k++)
				add_entry(&entries, &luns[i], &luns[i].maps[m], igroup, igroup->initiators[k]);
		}
	}
	int err = lunmap_replace(glue->maps, volume, entries.list, entries.n);
	if (err != 0)
		log_error("server", "lun_maps_refused", "volume=%s error=%s", fs_volume_name(volume), error_name(err));
	free(entries.list);
}

void glue_san(struct glue *glue, const struct admin_igroup *igroups, size_t n_igroups, const struct admin_lun *luns,
              size_t n_luns)
{
	struct glue_volumes before = glue->mapped;

	(void)n_igroups;
	glue->mapped = (struct glue_volumes){ 0 };
	for (size_t i = 0; i < n_luns; i++)
		volumes_add(&glue->mapped, luns[i].volume);
	for (size_t i = 0; i < glue->mapped.n; i++)
		replace_maps(glue, glue->mapped.list[i], igroups, luns, n_luns);
	for (size_t i = 0; i < before.n; i++) {
		if (!volumes_has(&glue->mapped, before.list[i]))
			replace_maps(glue, before.list[i], NULL, NULL, 0);
	}
	volumes_forget(&before);
}
