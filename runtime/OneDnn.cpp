// SPDX-License-Identifier: Apache-2.0
// oneDNN, opened when a graph for the CPU first has a use for it.
#include "runtime/OneDnnFunctions.h"

#include "runtime/Log.h"
#include "runtime/OpenMp.h"
#include "runtime/SharedLibrary.h"
#include "weft/Runtime.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <vector>

namespace weft::runtime {

StatusOr<const OneDnn *> OneDnn::open(const std::string &library) {
  void *handle = openWithOpenMp(library.c_str());
  if (!handle)
    return unavailable_error(dlerror());
  auto functions = std::make_unique<Functions>();
  Resolver resolve(handle);
#define WEFT_ONEDNN_FUNCTION(member, symbol, parameters)                       \
  resolve(#symbol, functions->member);
  // Without these it was not built for OpenMP, and how many threads it runs on
  // could not be said.
  Resolver openMp(openMpOf(handle));
  openMp("omp_set_num_threads", functions->setNumThreads);
  openMp("omp_get_max_threads", functions->getMaxThreads);
  openMp("omp_get_level", functions->getLevel);
  // LLVM's and Intel's have it, too; without it kernels run on the pool.
  openMp.optional("GOMP_parallel", functions->team);
  resolve.missing = openMp.missing;
  resolve("dnnl_version", functions->version);
  resolve("dnnl_get_effective_cpu_isa", functions->effectiveIsa);
  resolve("dnnl_memory_desc_get_size", functions->layoutBytes);
  resolve("dnnl_primitive_desc_query_md", functions->layoutQuery);
  if (!resolve.missing) {
    WEFT_ONEDNN_FUNCTIONS(WEFT_ONEDNN_FUNCTION)
    functions->isV2 = functions->version()->major == 2;
    if (functions->isV2) {
      WEFT_ONEDNN2_FUNCTIONS(WEFT_ONEDNN_FUNCTION)
    } else {
      WEFT_ONEDNN3_FUNCTIONS(WEFT_ONEDNN_FUNCTION)
    }
  }
#undef WEFT_ONEDNN_FUNCTION
  if (resolve.missing)
    return unavailable_error(absl::StrCat(library, " lacks ", resolve.missing));
  const DnnVersion &version = *functions->version();
  if (version.major != 2 && version.major != 3)
    return unavailable_error(absl::StrCat(library, " has version ",
                                          version.major, ", expected 2 or 3"));
  if (functions->engineCreate(&functions->engine, dnn::cpu, 0) ||
      functions->streamCreate(&functions->stream, functions->engine,
                              dnn::inOrder))
    return unavailable_error(absl::StrCat(library, " finds no CPU"));
  std::unique_ptr<OneDnn> dnn(new OneDnn);
  dnn->file_ = fileOf(functions->version, library);
  dnn->version_ =
      absl::StrCat(version.major, ".", version.minor, ".", version.patch);
  dnn->functions_ = functions.release();
  return dnn.release(); // leaked: lives as long as the library
}

static StatusOr<const OneDnn *> find() {
  std::vector<std::string> names = {"libdnnl.so.3", "libdnnl.so.2"};
  if (const char *wanted = std::getenv("WEFT_ONEDNN"); wanted && *wanted) {
    if (!std::strcmp(wanted, "off"))
      return unavailable_error("oneDNN: WEFT_ONEDNN is off");
    names = {wanted};
  }
  std::vector<std::string> refusals;
  for (const std::string &name : names) {
    StatusOr<const OneDnn *> dnn = OneDnn::open(name);
    if (dnn.ok()) {
      log(LogLevel::info,
          absl::StrCat("oneDNN ", (*dnn)->version(), " from ", (*dnn)->file()));
      return dnn;
    }
    refusals.emplace_back(dnn.status().message());
  }
  Status status = unavailable_error(
      absl::StrCat("oneDNN: not found: ", absl::StrJoin(refusals, "; ")));
  log(LogLevel::info,
      absl::StrCat(std::string(status.message()),
                   "; convolutions and products run as Weft's own kernels"));
  return status;
}

StatusOr<const OneDnn *> OneDnn::get() {
  static const StatusOr<const OneDnn *> &dnn =
      *new StatusOr<const OneDnn *>(find());
  return dnn;
}

bool OneDnn::multiplies(DType dtype) const {
  if (dtype == DType::float32)
    return true;
  const unsigned isa = functions_->effectiveIsa();
  return dtype == DType::bfloat16 &&
         (isa & dnn::bfloat16Isa) == dnn::bfloat16Isa;
}

std::string oneDnnKey() {
  StatusOr<const OneDnn *> dnn = OneDnn::get();
  if (!dnn.ok())
    return "none";
  return absl::StrCat("oneDNN ", (*dnn)->version(), " from ", (*dnn)->file(),
                      ", ISA: 0x",
                      absl::Hex((*dnn)->functions().effectiveIsa()),
                      ", threads: ", num_threads());
}

} // namespace weft::runtime
