# SPDX-License-Identifier: Apache-2.0
"""An NFS client that stays mounted: libnfs, called from here. Its file handles go stale like anybody's."""
import ctypes
import os
import stat

lib = ctypes.CDLL("libnfs.so.13")
P, U64, INT, STR = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p


class Url(ctypes.Structure):
    _fields_ = [("server", STR), ("path", STR), ("file", STR)]


class Dirent(ctypes.Structure):
    _fields_ = [("next", P), ("name", STR)]


def call(name, result, *arguments):
    function = getattr(lib, name)
    function.restype, function.argtypes = result, arguments
    return function


init_context, get_error, destroy_context = call("nfs_init_context", P), call("nfs_get_error", STR, P), call("nfs_destroy_context", None, P)
parse_url_dir, mount = call("nfs_parse_url_dir", ctypes.POINTER(Url), P, STR), call("nfs_mount", INT, P, STR, STR)
set_autoreconnect, set_timeout = call("nfs_set_autoreconnect", None, P, INT), call("nfs_set_timeout", None, P, INT)
creat, open_file = call("nfs_creat", INT, P, STR, INT, P), call("nfs_open", INT, P, STR, INT, P)
pread, pwrite = call("nfs_pread", INT, P, P, U64, U64, P), call("nfs_pwrite", INT, P, P, U64, U64, STR)
fsync, close = call("nfs_fsync", INT, P, P), call("nfs_close", INT, P, P)
truncate = call("nfs_truncate", INT, P, STR, U64)
unlink, mkdir, rename = call("nfs_unlink", INT, P, STR), call("nfs_mkdir", INT, P, STR), call("nfs_rename", INT, P, STR, STR)
rmdir, link, symlink = call("nfs_rmdir", INT, P, STR), call("nfs_link", INT, P, STR, STR), call("nfs_symlink", INT, P, STR, STR)
chmod, mknod = call("nfs_chmod", INT, P, STR, INT), call("nfs_mknod", INT, P, STR, INT, INT)
opendir, readdir, closedir = call("nfs_opendir", INT, P, STR, P), call("nfs_readdir", ctypes.POINTER(Dirent), P, P), call("nfs_closedir", None, P, P)


class NfsError(OSError):
    """errno as the client library made it from the NFS status; the text names the status."""


class NfsFile:
    def __init__(self, client, handle):
        self.client, self.handle = client, handle

    def read(self, length, offset=0):
        buffer = ctypes.create_string_buffer(length)
        n = self.client.must(pread(self.client.nfs, self.handle, offset, length, buffer))
        return buffer.raw[:n]

    def write(self, data, offset=0):
        return self.client.must(pwrite(self.client.nfs, self.handle, offset, len(data), data))

    def sync(self):
        self.client.must(fsync(self.client.nfs, self.handle))

    def close(self):
        close(self.client.nfs, self.handle)


class NfsClient:
    """`port`: of a proxy before the server. `reconnect`: when the connection is cut, connect again and send again what was not answered."""

    def __init__(self, server, path="/vol/vol0", port=None, reconnect=False):
        self.nfs = init_context()
        url = parse_url_dir(self.nfs, server.nfs_url(path, port).encode()).contents
        set_autoreconnect(self.nfs, -1 if reconnect else 0)
        set_timeout(self.nfs, 60000)
        self.must(mount(self.nfs, url.server, url.path))

    def must(self, result):
        if result < 0:
            raise NfsError(-result, get_error(self.nfs).decode(errors="replace"))
        return result

    def _file(self, function, path, how):
        handle = P()
        self.must(function(self.nfs, path.encode(), how, ctypes.byref(handle)))
        return NfsFile(self, handle)

    def create(self, path):
        return self._file(creat, path, 0o644)

    def open(self, path, flags=os.O_RDONLY):
        return self._file(open_file, path, flags)

    def read(self, path, length=1 << 20):
        file = self.open(path)
        try:
            return file.read(length)
        finally:
            file.close()

    def write(self, path, data):
        """The whole content, durably; the file is made if there is none."""
        try:
            file = self.create(path)
        except NfsError:
            file = self.open(path, os.O_RDWR | os.O_TRUNC)
        try:
            for at in range(0, len(data), 1 << 19):
                file.write(data[at:at + (1 << 19)], at)
            file.sync()
        finally:
            file.close()

    def list(self, path):
        handle, names = P(), []
        self.must(opendir(self.nfs, path.encode(), ctypes.byref(handle)))
        while entry := readdir(self.nfs, handle):
            names.append(entry.contents.name.decode())
        closedir(self.nfs, handle)
        return sorted(set(names) - {".", ".."})

    def truncate(self, path, length):
        self.must(truncate(self.nfs, path.encode(), length))

    def unlink(self, path):
        self.must(unlink(self.nfs, path.encode()))

    def mkdir(self, path):
        self.must(mkdir(self.nfs, path.encode()))

    def rmdir(self, path):
        self.must(rmdir(self.nfs, path.encode()))

    def link(self, path, to_path):
        self.must(link(self.nfs, path.encode(), to_path.encode()))

    def symlink(self, target, path):
        self.must(symlink(self.nfs, target.encode(), path.encode()))

    def chmod(self, path, mode):
        self.must(chmod(self.nfs, path.encode(), mode))

    def mknod(self, path):
        self.must(mknod(self.nfs, path.encode(), stat.S_IFIFO | 0o644, 0))

    def rename(self, path, to_path):
        self.must(rename(self.nfs, os.fsencode(path), os.fsencode(to_path)))

    def close(self):
        destroy_context(self.nfs)
