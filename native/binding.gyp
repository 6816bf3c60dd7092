# The addon `descent`, and the CPU kernels built once per instruction set from the same sources.
#
# Kernels compiled for AVX must never be reached on a CPU without it, so each build lives in a namespace of its own
# (DESCENT_CAPABILITY) and shares no inline function with the others; device/cpu/capability.cpp picks one at run time.
# The lists of sources below are read when the build is configured; esbuild.mjs does that again when a file came or went.
{
  "variables": {
    "kernel_sources": [
      "<!@(node -p \"require('fs').readdirSync('device/cpu/kernels').filter((f) => f.endsWith('.cpp')).map((f) => 'device/cpu/kernels/' + f).join(' ')\")",
    ],
    "core_sources": [
      "<!@(node -p \"['tensor', 'ops', 'autograd', 'inspect', 'binding', 'device'].flatMap((d) => require('fs').readdirSync(d, { recursive: true }).map((f) => d + '/' + f.split('\\\\\\\\').join('/'))).filter((f) => f.endsWith('.cpp') && !f.startsWith('build') && !f.startsWith('device/cpu/kernels/')).sort().join(' ')\")",
    ],
    # Vectorised loops need to know that nobody reads errno or the floating-point flags. NaN, infinities and signed
    # zeros keep their meaning: -ffast-math is never used. Integers wrap, as PyTorch's do.
    "kernel_flags": [
      "-O3", "-fvisibility=hidden", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-fwrapv",
      "-Wall", "-Wextra", "-Wno-psabi", "-Wno-maybe-uninitialized", "-Wno-unknown-pragmas", "-Wno-unused-parameter",
    ],
  },
  "target_defaults": {
    "cflags!": ["-fno-exceptions"],
    "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
    "cflags_cc": ["-std=gnu++17"],
    "xcode_settings": {
      "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
      "GCC_ENABLE_CPP_RTTI": "YES",
      "CLANG_CXX_LANGUAGE_STANDARD": "gnu++17",
      "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
      "MACOSX_DEPLOYMENT_TARGET": "11.0",
    },
    "conditions": [
      ["target_arch=='x64'", { "defines": ["DESCENT_HAS_AVX=1"] }],
    ],
  },
  "targets": [
    {
      "target_name": "kernels_portable",
      "type": "static_library",
      "sources": ["<@(kernel_sources)"],
      "defines": ["DESCENT_CAPABILITY=portable"],
      "cflags": ["<@(kernel_flags)"],
      "xcode_settings": { "OTHER_CPLUSPLUSFLAGS": ["<@(kernel_flags)"] },
    },
    {
      "target_name": "descent",
      "sources": ["<@(core_sources)"],
      "dependencies": ["kernels_portable"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")", "."],
      # GPU kernels travel as text: the drivers compile them where they run.
      "actions": [
        {
          "action_name": "gpu_sources",
          "inputs": [
            "device/gpu/embed.mjs",
            "<!@(node -p \"require('fs').readdirSync('device/gpu', { recursive: true }).map((f) => 'device/gpu/' + f.split('\\\\\\\\').join('/')).filter((f) => f.includes('/kernels/') || f.includes('/dialect/') || f.endsWith('/language.h')).join(' ')\")",
          ],
          "outputs": ["<(SHARED_INTERMEDIATE_DIR)/gpu_sources.cpp"],
          "action": ["node", "device/gpu/embed.mjs", "<@(_outputs)"],
          "process_outputs_as_sources": 1,
        },
      ],
      "defines": ["NAPI_EXPERIMENTAL", "NODE_API_EXPERIMENTAL_NO_WARNING", "NAPI_CPP_EXCEPTIONS"],
      "cflags": ["-O3", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-unused-parameter"],
      "conditions": [
        ["target_arch=='x64'", { "dependencies": ["kernels_avx2", "kernels_avx512"] }],
        # Never unloaded: the pool's threads outlive a worker that was the only one to load the addon.
        ["OS=='linux'", { "libraries": ["-lpthread", "-ldl"], "ldflags": ["-Wl,-z,nodelete"] }],
      ],
    },
  ],
  "conditions": [
    ["target_arch=='x64'", {
      "targets": [
        {
          "target_name": "kernels_avx2",
          "type": "static_library",
          "sources": ["<@(kernel_sources)"],
          "defines": ["DESCENT_CAPABILITY=avx2"],
          "cflags": ["<@(kernel_flags)", "-mavx2", "-mfma"],
          "xcode_settings": { "OTHER_CPLUSPLUSFLAGS": ["<@(kernel_flags)", "-mavx2", "-mfma"] },
        },
        {
          "target_name": "kernels_avx512",
          "type": "static_library",
          "sources": ["<@(kernel_sources)"],
          "defines": ["DESCENT_CAPABILITY=avx512"],
          "cflags": [
            "<@(kernel_flags)",
            "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma", "-mprefer-vector-width=512",
          ],
          "xcode_settings": {
            "OTHER_CPLUSPLUSFLAGS": [
              "<@(kernel_flags)",
              "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma", "-mprefer-vector-width=512",
            ],
          },
        },
      ],
    }],
  ],
}
