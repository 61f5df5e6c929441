# SPDX-License-Identifier: GPL-3.0-only
# 500 short processes: commands, pipes, substitutions.
i=0
while [ $i -lt 100 ]; do
  /bin/true
  x=$(echo $i | cut -c1)
  echo "$x $i" | wc -c > /dev/null
  i=$((i + 1))
done
echo "$x $i"
