# Filled by the installable targets: see src/CMakeLists.txt.
