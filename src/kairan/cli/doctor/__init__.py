"""The commands of the doctor, one file each: thin callers of `kairan.doctor`."""
