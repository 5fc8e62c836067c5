#!/bin/sh
# The tests of the views need a browser. Installs Chromium where that needs no questions; otherwise says how.
for name in "$CHROMIUM" chromium chromium-browser google-chrome google-chrome-stable \
    "/Applications/Chromium.app/Contents/MacOS/Chromium" "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
  if [ -n "$name" ] && command -v "$name" > /dev/null 2>&1; then exit 0; fi
done
[ "$1" = --only-look ] && exit 1
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null 2>&1; then
  echo "installing Chromium for the tests of the views"
  { apt-get update -q && apt-get install -y -q --no-install-recommends chromium; } > /dev/null 2>&1 && exit 0
fi
echo "No Chromium: the tests of the views will be skipped. To install it: apt-get install chromium (Debian, Ubuntu), brew install --cask chromium (macOS)."
