# iscsi
