# nfs
