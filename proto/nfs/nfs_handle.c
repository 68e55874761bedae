/* SPDX-License-Identifier: Apache-2.0 */
/* File handles: making them, and believing only those we made. */
#include "proto/nfs/nfs_handle.h"

#include "base/siphash.h"

static void mac_make(const struct nfs_handle_format *format, const uint8_t *key, uint8_t ret_mac[16])
{
	struct siphash_key siphash_key;

	memcpy(siphash_key.b, key, sizeof siphash_key.b);
	siphash128(&siphash_key, format, offsetof(struct nfs_handle_format, mac), ret_mac);
}

void nfs_handle_encode(const struct nfs_handle *handle, const uint8_t *key, uint8_t ret_bytes[NFS_HANDLE_SIZE])
{
	struct nfs_handle_format format = {
		.version = NFS_HANDLE_VERSION,
		.export_id = le32_of(handle->export_id),
		.volume_uuid = handle->volume_uuid,
		.snapshot = le32_of(handle->file.snapshot),
		.inode = le32_of(handle->file.inode),
		.generation = le64_of(handle->file.generation),
	};

	mac_make(&format, key, format.mac);
	memcpy(ret_bytes, &format, sizeof format);
}

int nfs_handle_decode(const nfs_fh3 *wire, struct nfs_handle *ret_handle)
{
	struct nfs_handle_format format;

	if (wire->len != sizeof format)
		return -EBADMSG;
	memcpy(&format, wire->data, sizeof format);
	if (format.version != NFS_HANDLE_VERSION || (format.zero[0] | format.zero[1] | format.zero[2]) != 0)
		return -EBADMSG;
	ret_handle->export_id = le32_get(format.export_id);
	ret_handle->volume_uuid = format.volume_uuid;
	ret_handle->file.snapshot = le32_get(format.snapshot);
	ret_handle->file.inode = le32_get(format.inode);
	ret_handle->file.generation = le64_get(format.generation);
	return 0;
}

int nfs_handle_verify(const nfs_fh3 *wire, const uint8_t *key)
{
	struct nfs_handle_format format;
	uint8_t mac[16], difference = 0;

	memcpy(&format, wire->data, sizeof format);
	mac_make(&format, key, mac);
	for (unsigned i = 0; i < sizeof mac; i++)
		difference |= (uint8_t)(mac[i] ^ format.mac[i]);
	return difference == 0 ? 0 : -EBADMSG;
}
