#!/bin/sh
# sh fetch.sh SUITE FOLDER: the kernel of a Debian suite, unpacked into FOLDER: lib/modules/VERSION, the image in it as vmlinuz.
# With lists and a cache of apt's own in FOLDER: nothing of this system is changed.
set -eu
suite=$1
folder=$2
mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial" "$folder/debs"
cd "$folder"
: >apt/status
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" >apt/sources.list
options="-qq -o Dir::Etc::SourceList=$PWD/apt/sources.list -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=$PWD/apt/lists"
options="$options -o Dir::State::status=$PWD/apt/status -o Dir::Cache=$PWD/apt -o APT::Sandbox::User=root"
apt-get $options update
# linux-image-amd64 depends on the image; from Linux 7 on that is in packages of its own: binary, modules, base.
packages=$(apt-cache $options depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
  linux-image-amd64 | grep -E '^linux-(image|binary|modules|base)-[0-9]' | sort -u)
(cd debs && apt-get $options download $packages)
for package in debs/*.deb; do dpkg-deb --extract "$package" .; done
# Where /lib is a link to usr/lib the packages have their modules there.
[ -d lib/modules ] || { mkdir -p lib && mv usr/lib/modules lib/modules; }
# Until Linux 6 the image lies apart from the modules.
for image in boot/vmlinuz-*; do
  if [ -f "$image" ]; then mv "$image" "lib/modules/${image#boot/vmlinuz-}/vmlinuz"; fi
done
rm -r debs apt
