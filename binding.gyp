{
  "variables": {
    # -Dsanitize=1: AddressSanitizer and UndefinedBehaviorSanitizer, for npm run test:asan.
    "sanitize%": 0,
  },
  "targets": [
    {
      "target_name": "linux_ns",
      "conditions": [
        ["OS!='linux'", {"type": "none"}, {
          "sources": [
            "src/addon/addon.cc",
            "src/addon/bytes.cc",
            "src/addon/capture.cc",
            "src/addon/child.c",
            "src/addon/children.cc",
            "src/addon/control.cc",
            "src/addon/descriptors.cc",
            "src/addon/discovery/mounts.cc",
            "src/addon/discovery/namespace_table.cc",
            "src/addon/discovery/open_files.cc",
            "src/addon/discovery/processes.cc",
            "src/addon/discovery/rows.cc",
            "src/addon/discovery/scan.cc",
            "src/addon/discovery/tasks.cc",
            "src/addon/discovery/users.cc",
            "src/addon/encoder.cc",
            "src/addon/environment.cc",
            "src/addon/export.cc",
            "src/addon/held.cc",
            "src/addon/image.cc",
            "src/addon/in_place.cc",
            "src/addon/launch.cc",
            "src/addon/listener.cc",
            "src/addon/namespaces.cc",
            "src/addon/netlink.cc",
            "src/addon/older_libraries.cc",
            "src/addon/pidfd.cc",
            "src/addon/poll.cc",
            "src/addon/poller.cc",
            "src/addon/proc.cc",
            "src/addon/raw_socket.cc",
            "src/addon/reaper.cc",
            "src/addon/relay/relay.cc",
            "src/addon/relay/relays.cc",
            "src/addon/socket_in.cc",
            "src/addon/sockets.cc",
            "src/addon/statmount.cc",
            "src/addon/task/clone.cc",
            "src/addon/task/event.cc",
            "src/addon/task/exec.cc",
            "src/addon/task/report.cc",
            "src/addon/task/task.cc",
            "src/addon/task/wait.cc",
            "src/addon/terminal.cc",
            "src/addon/thread.cc",
            "src/addon/threads.cc",
            "src/addon/watched.cc",
            "src/addon/wire/carrier.cc",
            "src/addon/wire/frame.cc",
            "src/addon/wire/rule.cc",
            "src/addon/wire/wires.cc",
            "<(INTERMEDIATE_DIR)/nsinit_image.S",
          ],
          "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
          "defines": [
            "NAPI_VERSION=8",
            "NAPI_DISABLE_CPP_EXCEPTIONS",
            "NODE_ADDON_API_DISABLE_DEPRECATED",
            # A Worker that is being terminated can't be thrown to: not a reason to abort the process.
            "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
          ],
          "cflags": ["-Wall", "-Wextra", "-Werror", "-fvisibility=hidden", "-D_FORTIFY_SOURCE=2", "-fstack-protector-strong",
            # It ships: size over loops, of which it has none that are hot. Nothing unwinds: there are no exceptions.
            "-Os", "-ffunction-sections", "-fdata-sections", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables"],
          "cflags!": ["-O3"],
          "cflags_cc": ["-std=c++17", "-fno-exceptions", "-fno-rtti"],
          "cflags_c": ["-std=gnu11"],
          # nodelete: launcher threads run this code until the process ends, also when the Worker that loaded it is gone.
          "ldflags": ["-Wl,-z,nodelete", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,noexecstack", "-Wl,--gc-sections"],
          "actions": [
            {
              "action_name": "nsinit",
              "inputs": ["<!@(ls src/nsinit/*.c src/nsinit/*.h src/nsinit/build.sh src/plan/*.h src/sys/*.h)"],
              "outputs": ["<(INTERMEDIATE_DIR)/nsinit_image.S"],
              "action": ["sh", "src/nsinit/build.sh", "<(INTERMEDIATE_DIR)/nsinit", "<(INTERMEDIATE_DIR)/nsinit_image.S"],
            }
          ],
          "conditions": [
            ["sanitize==1", {
              "cflags": ["-fsanitize=address,undefined", "-fno-omit-frame-pointer", "-fno-sanitize-recover=undefined", "-U_FORTIFY_SOURCE"],
              "ldflags": ["-fsanitize=address,undefined"],
            }]
          ],
        }]
      ],
    }
  ]
}
