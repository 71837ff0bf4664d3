"""The shard as operators' commands see and change it, from processes beside the owner's."""
