/* SPDX-License-Identifier: Apache-2.0 */
/* errno -> HTTP status, code and sentence. */
#include "admin/fault.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "fs/message.h"

static const struct fault faults[] = {
	{ EINVAL, 400, "invalid", "the request makes no sense" },
	{ ERANGE, 400, "out_of_range", "a value is out of range" },
	{ ENAMETOOLONG, 400, "name_too_long", "the name is too long" },
	{ E2BIG, 400, "too_long", "a text is too long" },
	{ ENOENT, 404, "not_found", "there is no such object" },
	{ ESTALE, 404, "not_found", "the object is gone" },
	{ EEXIST, 409, "exists", "there is one of that name already" },
	{ EBUSY, 409, "in_use", "the object is in use" },
	{ ENOTEMPTY, 409, "not_empty", "it is not empty" },
	{ EALREADY, 409, "already", "it is already so" },
	{ ESRCH, 409, "not_running", "it is not running" },
	{ EMLINK, 409, "limit_reached", "there are as many as there can be" },
	{ ENODEV, 409, "offline", "the volume is offline; bring it online first" },
	{ EROFS, 409, "read_only", "a snapshot or a read-only volume can't be changed" },
	{ ECANCELED, 409, "stopped", "it was stopped" },
	{ EPERM, 403, "denied", "not permitted" },
	{ EACCES, 403, "denied", "permission denied" },
	{ ENOTDIR, 400, "not_a_directory", "a part of the path is not a directory" },
	{ EISDIR, 400, "is_a_directory", "it is a directory" },
	{ ENOTSUP, 400, "unsupported", "not possible for this type of object" },
	{ ENOSYS, 501, "unsupported", "not implemented" },
	{ EFBIG, 400, "too_large", "too large for the volume" },
	{ ENOSPC, 507, "no_space", "the volume is full" },
	{ EDQUOT, 507, "no_space", "over the quota" },
	{ ENOMEM, 503, "no_memory", "out of memory" },
	{ EAGAIN, 503, "try_again", "try again" },
	{ FS_EJUKEBOX, 503, "try_again", "try again in a moment" },
	{ ESHUTDOWN, 503, "stopping", "the server is stopping" },
	{ ENXIO, 500, "disks_missing", "too many disks are missing" },
	{ EIO, 500, "io", "a disk failed and redundancy could not make up for it" },
	{ EUCLEAN, 500, "damaged", "a structure on disk is damaged" },
};

const struct fault *fault_of(int err)
{
	static const struct fault internal = { 0, 500, "internal", "an unexpected error" };

	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		if (faults[i].err == -err)
			return &faults[i];
	}
	return &internal;
}

int fault_status_of(const char *code)
{
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		if (strcmp(faults[i].code, code) == 0)
			return faults[i].http_status;
	}
	return 500;
}

const char *fault_reason(int http_status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 411, "Length Required" },
		{ 412, "Precondition Failed" },
		{ 413, "Payload Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 421, "Misdirected Request" },
		{ 429, "Too Many Requests" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 507, "Insufficient Storage" },
	};
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
		if (reasons[i].status == http_status)
			return reasons[i].reason;
	}
	return "Error";
}
