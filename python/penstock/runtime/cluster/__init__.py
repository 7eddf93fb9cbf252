"""etcd as a part of the gateway: a member that is started and watched beside it, and how further nodes join."""
