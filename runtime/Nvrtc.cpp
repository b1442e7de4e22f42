// SPDX-License-Identifier: Apache-2.0
// NVIDIA's run-time compiler, opened when the first kernel has to be compiled.
#include "runtime/Nvrtc.h"

#include "runtime/DiskCache.h"
#include "runtime/Driver.h"
#include "runtime/Log.h"
#include "runtime/SharedLibrary.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <dlfcn.h>
#include <fcntl.h>
#include <glob.h>
#include <memory>
#include <mutex>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace weft::runtime {

using Program = struct NvrtcProgram *;

struct Nvrtc::Functions {
  int (*version)(int *major, int *minor);
  int (*getNumSupportedArchs)(int *count);
  int (*getSupportedArchs)(int *archs);
  int (*createProgram)(Program *program, const char *text, const char *name,
                       int numHeaders, const char *const *headers,
                       const char *const *includeNames);
  int (*destroyProgram)(Program *program);
  int (*compileProgram)(Program program, int numOptions,
                        const char *const *options);
  int (*getCubinSize)(Program program, size_t *size);
  int (*getCubin)(Program program, char *code);
  int (*getPtxSize)(Program program, size_t *size);
  int (*getPtx)(Program program, char *code);
  int (*getLogSize)(Program program, size_t *size);
  int (*getLog)(Program program, char *log);
  const char *(*getErrorString)(int error);
};

namespace {

/// The name of a function that the library lacks, or null.
const char *resolveAll(void *library, Nvrtc::Functions &f) {
  Resolver resolve(library);
  resolve("nvrtcVersion", f.version);
  resolve("nvrtcGetNumSupportedArchs", f.getNumSupportedArchs);
  resolve("nvrtcGetSupportedArchs", f.getSupportedArchs);
  resolve("nvrtcCreateProgram", f.createProgram);
  resolve("nvrtcDestroyProgram", f.destroyProgram);
  resolve("nvrtcCompileProgram", f.compileProgram);
  resolve("nvrtcGetCUBINSize", f.getCubinSize);
  resolve("nvrtcGetCUBIN", f.getCubin);
  resolve("nvrtcGetPTXSize", f.getPtxSize);
  resolve("nvrtcGetPTX", f.getPtx);
  resolve("nvrtcGetProgramLogSize", f.getLogSize);
  resolve("nvrtcGetProgramLog", f.getLog);
  resolve("nvrtcGetErrorString", f.getErrorString);
  return resolve.missing;
}

constexpr int kOldest = 12000; // the first that knows sm_90a

constexpr std::array<const char *, 2> kSonames = {"libnvrtc.so.13",
                                                  "libnvrtc.so.12"};

// Contraction is off so that both back ends agree; `fma` is explicit.
// Functions without a qualifier are device functions: plain C++ will do.
// The log says where registers do not suffice.
constexpr std::array<const char *, 4> kOptions = {
    "--std=c++17", "--fmad=false", "--device-as-default-execution-space",
    "--ptxas-options=--warn-on-spills"};

bool exists(const std::string &path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

bool isFolder(const std::string &path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

void addMatches(const std::string &pattern, std::vector<std::string> &paths) {
  glob_t found;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    // The newest version of a package or toolkit first.
    for (size_t i = found.gl_pathc; i-- > 0;)
      paths.push_back(found.gl_pathv[i]);
  globfree(&found);
}

std::string folderOf(std::string path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

/// Folders of this library and of the program: bundles put NVRTC beside them.
std::vector<std::string> ownFolders() {
  std::vector<std::string> folders;
  Dl_info info;
  if (dladdr(reinterpret_cast<void *>(&ownFolders), &info) && info.dli_fname)
    folders.push_back(folderOf(info.dli_fname));
  char program[4096];
  ssize_t size = readlink("/proc/self/exe", program, sizeof(program));
  if (size > 0 && size < static_cast<ssize_t>(sizeof(program)))
    folders.push_back(folderOf(std::string(program, program + size)));
  return folders;
}

/// Where pip and conda put packages.
std::vector<std::string> sitePackages() {
  std::vector<std::string> folders;
  for (const char *variable : {"VIRTUAL_ENV", "CONDA_PREFIX"})
    if (const char *prefix = std::getenv(variable); prefix && *prefix)
      folders.push_back(absl::StrCat(prefix, "/lib/python3*/site-packages"));
  if (const char *home = std::getenv("HOME"); home && *home)
    folders.push_back(absl::StrCat(home, "/.local/lib/python3*/site-packages"));
  for (const char *prefix : {"/usr/local", "/usr"})
    for (const char *kind : {"site-packages", "dist-packages"})
      folders.push_back(absl::StrCat(prefix, "/lib/python3*/", kind));
  return folders;
}

/// Places of which an error would say nothing because no file is there.
std::string otherPlaces() {
  if (const char *wanted = std::getenv("WEFT_NVRTC"); wanted && *wanted)
    return "";
  std::vector<std::string> places = ownFolders();
  places.push_back("/usr/local/cuda*/lib64");
  for (const std::string &folder : sitePackages())
    places.push_back(folder + "/nvidia/{cu13,cuda_nvrtc}/lib");
  return absl::StrCat("; also looked in ", absl::StrJoin(places, ", "),
                      "; WEFT_NVRTC may name its file or folder");
}

} // namespace

std::vector<std::string> nvrtcCandidates() {
  std::vector<std::string> candidates;
  if (const char *wanted = std::getenv("WEFT_NVRTC"); wanted && *wanted) {
    if (!isFolder(wanted))
      return {wanted};
    for (const char *soname : kSonames)
      candidates.push_back(absl::StrCat(wanted, "/", soname));
    return candidates;
  }
  for (const char *soname : kSonames) {
    candidates.push_back(soname);
    for (const std::string &folder : ownFolders())
      if (std::string path = folder + "/" + soname; exists(path))
        candidates.push_back(path);
    addMatches(absl::StrCat("/usr/local/cuda/lib64/", soname), candidates);
    addMatches(absl::StrCat("/usr/local/cuda-*/lib64/", soname), candidates);
    for (const std::string &folder : sitePackages())
      for (const char *package : {"cu13", "cuda_nvrtc"})
        addMatches(absl::StrCat(folder, "/nvidia/", package, "/lib/", soname),
                   candidates);
  }
  return candidates;
}

StatusOr<std::shared_ptr<const Nvrtc>> Nvrtc::open(const std::string &file) {
  // Never closed: programs of other threads may be using it.
  void *handle = dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (!handle)
    return unavailable_error(dlerror());
  auto functions = std::make_shared<Functions>();
  if (const char *missing = resolveAll(handle, *functions))
    return unavailable_error(
        absl::StrCat(file, ": no NVRTC or too old: lacks ", missing));
  int major = 0, minor = 0;
  functions->version(&major, &minor);
  std::shared_ptr<Nvrtc> nvrtc(new Nvrtc);
  nvrtc->version_ = major * 1000 + minor * 10;
  nvrtc->file_ = fileOf(functions->version, file);
  nvrtc->functions_ = std::move(functions);
  return std::shared_ptr<const Nvrtc>(std::move(nvrtc));
}

/// Whether a driver (0: there is none) cannot load what NVRTC of a major
/// version makes.
static bool isNewer(int major, int driverVersion) {
  return driverVersion > 0 && major > driverVersion / 1000;
}

/// The driver's version, or 0.
static int versionOfDriver() {
  StatusOr<const Driver *> driver = Driver::get();
  return driver.ok() ? (*driver)->version : 0;
}

StatusOr<std::shared_ptr<const Nvrtc>> Nvrtc::find(int driverVersion) {
  std::vector<std::string> refusals;
  // One file may have several names, and the loader finds it as well.
  auto refuse = [&](std::string why) {
    if (std::find(refusals.begin(), refusals.end(), why) == refusals.end())
      refusals.push_back(std::move(why));
  };
  for (const std::string &candidate : nvrtcCandidates()) {
    StatusOr<std::shared_ptr<const Nvrtc>> nvrtc = open(candidate);
    if (!nvrtc.ok()) {
      refuse(std::string(nvrtc.status().message()));
      continue;
    }
    int version = (*nvrtc)->version();
    if (version < kOldest) {
      refuse(absl::StrCat((*nvrtc)->file(),
                          " is too old: ", cudaVersionText(version), ", needs ",
                          cudaVersionText(kOldest)));
      continue;
    }
    if (isNewer(version / 1000, driverVersion)) {
      refuse(absl::StrCat((*nvrtc)->file(), " is newer than the driver: ",
                          cudaVersionText(version), ", driver ",
                          cudaVersionText(driverVersion)));
      continue;
    }
    log(LogLevel::debug, absl::StrCat("NVRTC ", cudaVersionText(version),
                                      " from ", (*nvrtc)->file()));
    return nvrtc;
  }
  return unavailable_error(absl::StrCat(
      "gpu: no NVRTC: ", absl::StrJoin(refusals, "; "), otherPlaces()));
}

StatusOr<const Nvrtc *> Nvrtc::get() {
  // Leaked: kernels may be compiled until the program ends.
  static const auto &nvrtc =
      *new StatusOr<std::shared_ptr<const Nvrtc>>(find(versionOfDriver()));
  if (!nvrtc.ok())
    return nvrtc.status();
  return nvrtc->get();
}

/// Has the file read into the system's cache, ahead of the pages' first use.
static void readAhead(const std::string &path) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return;
  (void)posix_fadvise(file, 0, 0, POSIX_FADV_WILLNEED);
  close(file);
}

void Nvrtc::preload() {
  static std::once_flag once;
  std::call_once(once, [] {
    std::thread([candidates = nvrtcCandidates()] {
      for (const std::string &candidate : candidates)
        if (StatusOr<std::shared_ptr<const Nvrtc>> nvrtc = open(candidate);
            nvrtc.ok())
          return readAhead((*nvrtc)->file());
    }).detach();
  });
}

/// The file that a name leads to through its links, or the name.
static std::string realFile(const std::string &path) {
  std::unique_ptr<char, decltype(&std::free)> real(
      realpath(path.c_str(), nullptr), std::free);
  return real ? real.get() : path;
}

/// 13 of a file libnvrtc.so.13.0.88; 0 if its name does not say.
static int majorOf(const std::string &file) {
  constexpr std::string_view kBehind = ".so.";
  const size_t at = file.rfind(kBehind);
  return at == std::string::npos ? 0 : std::atoi(&file[at + kBehind.size()]);
}

std::string Nvrtc::keyOf(const std::string &file) {
  const std::string real = realFile(file);
  struct stat info = {};
  (void)stat(real.c_str(), &info);
  return absl::StrCat(real.substr(real.rfind('/') + 1), " of ", info.st_size,
                      " bytes, ", absl::StrJoin(kOptions, " "));
}

StatusOr<std::string> Nvrtc::locate() {
  const int driver = versionOfDriver();
  for (const std::string &candidate : nvrtcCandidates())
    if (candidate.find('/') != std::string::npos && exists(candidate) &&
        !isNewer(majorOf(realFile(candidate)), driver))
      return candidate;
  // Only the loader knows its own path.
  StatusOr<const Nvrtc *> nvrtc = get();
  if (!nvrtc.ok())
    return nvrtc.status();
  return (*nvrtc)->file();
}

std::vector<int> Nvrtc::supportedArchs() const {
  int count = 0;
  if (functions_->getNumSupportedArchs(&count) != 0 || count <= 0)
    return {};
  std::vector<int> archs(static_cast<size_t>(count));
  if (functions_->getSupportedArchs(archs.data()) != 0)
    return {};
  std::sort(archs.begin(), archs.end());
  return archs;
}

StatusOr<std::string> Nvrtc::archFor(int capability) const {
  std::vector<int> archs = supportedArchs();
  auto above = std::upper_bound(archs.begin(), archs.end(), capability);
  if (above == archs.begin())
    return unavailable_error(absl::StrCat(
        "nvrtc: ", cudaVersionText(version_), " does not compile for sm_",
        capability, ": it knows ", absl::StrJoin(archs, ", ")));
  int best = above[-1];
  if (best == capability)
    return absl::StrCat("sm_", capability, capability >= 90 ? "a" : "");
  return absl::StrCat("compute_", best);
}

namespace {

/// Keeps the text of a kernel that does not compile, for whoever reads the
/// error; empty if there is no place for it.
std::string writeSource(const std::string &text, const std::string &name) {
  std::string base = name.substr(0, 64);
  for (char &c : base)
    if (!isalnum(static_cast<unsigned char>(c)) && c != '-')
      c = '_';
  const char *tmp = std::getenv("TMPDIR");
  std::string path =
      absl::StrCat(tmp && *tmp ? tmp : "/tmp", "/weft-", base, "-XXXXXX.cu");
  int file = mkstemps(path.data(), 3); // mode 0600, never somebody's link
  if (file < 0)
    return "";
  bool written = write(file, text.data(), text.size()) ==
                 static_cast<ssize_t>(text.size());
  close(file);
  return written ? path : "";
}

/// An NVRTC program, destroyed at the end of the scope.
class ScopedProgram {
public:
  explicit ScopedProgram(const Nvrtc::Functions &functions)
      : functions_(functions) {}
  ScopedProgram(const ScopedProgram &) = delete;
  ScopedProgram &operator=(const ScopedProgram &) = delete;
  ~ScopedProgram() {
    if (program)
      functions_.destroyProgram(&program);
  }

  /// What a pair of size and content functions gives.
  std::string read(int (*size)(Program, size_t *),
                   int (*get)(Program, char *)) const {
    size_t bytes = 0;
    if (size(program, &bytes) != 0 || bytes == 0)
      return "";
    std::string result(bytes, '\0');
    return get(program, result.data()) == 0 ? result : "";
  }

  Program program = nullptr;

private:
  const Nvrtc::Functions &functions_;
};

void dropTrailingZeros(std::string &text) {
  while (!text.empty() && (text.back() == '\0' || text.back() == '\n'))
    text.pop_back();
}

} // namespace

StatusOr<CompiledText> Nvrtc::compile(const std::string &text,
                                      const std::string &name,
                                      std::string_view arch,
                                      bool report) const {
  const Functions &f = *functions_;
  std::string archOption =
      absl::StrCat("--gpu-architecture=", std::string(arch));
  std::vector<const char *> options = {archOption.c_str()};
  options.insert(options.end(), kOptions.begin(), kOptions.end());
  if (report)
    options.push_back("--ptxas-options=-v");
  ScopedProgram scope(f);
  CompiledText result;
  int error = f.createProgram(&scope.program, text.c_str(),
                              (name + ".cu").c_str(), 0, nullptr, nullptr);
  if (error == 0) {
    error = f.compileProgram(scope.program, static_cast<int>(options.size()),
                             options.data());
    result.log = scope.read(f.getLogSize, f.getLog);
    dropTrailingZeros(result.log);
  }
  if (error == 0) {
    bool ptx = arch.substr(0, 8) == "compute_";
    result.cubin = ptx ? scope.read(f.getPtxSize, f.getPtx)
                       : scope.read(f.getCubinSize, f.getCubin);
    if (!result.cubin.empty())
      return result;
  }
  std::string source = writeSource(text, name);
  return internal_error(
      absl::StrCat("nvrtc: ", name, " for ", std::string(arch), ": ",
                   error ? f.getErrorString(error) : "no code", ": source ",
                   source.empty() ? "not kept" : source, "\n", result.log));
}

StatusOr<CompiledText> compileCuda(const std::string &text,
                                   const std::string &name,
                                   std::string_view arch) {
  StatusOr<const Nvrtc *> nvrtc = Nvrtc::get();
  if (!nvrtc.ok())
    return nvrtc.status();
  std::string known(arch);
  if (arch.substr(0, 3) == "sm_") {
    // atoi stops at the suffix.
    StatusOr<std::string> found =
        (*nvrtc)->archFor(std::atoi(known.c_str() + 3));
    if (!found.ok())
      return found.status();
    if (found->substr(0, 8) == "compute_")
      known = *found;
  }
  return (*nvrtc)->compile(text, name, known);
}

} // namespace weft::runtime
