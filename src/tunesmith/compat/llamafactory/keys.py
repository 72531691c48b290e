"""Keys of LLaMA-Factory's files that no setting here stands for: why, and which must be off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RENAMED = {
    "checkpoint_dir": "adapter_name_or_path",
    "dpo_beta": "pref_beta",
    "dpo_loss": "pref_loss",
    "dpo_ftx": "pref_ftx",
    "orpo_beta": "pref_beta",
    "kto_beta": "pref_beta",
    "kto_ftx": "pref_ftx",
    "num_layer_trainable": "freeze_trainable_layers",
    "name_module_trainable": "freeze_trainable_modules",
    "evaluation_strategy": "eval_strategy",
    "train_last_turn_only": "mask_history",
    "sft_packing": "packing",
    "cache_path": "tokenized_path",
    "lora_lr_ratio": "loraplus_lr_ratio",
    "neft_alpha": "neftune_noise_alpha",
    "per_gpu_train_batch_size": "per_device_train_batch_size",
    "per_gpu_eval_batch_size": "per_device_eval_batch_size",
    "no_cuda": "use_cpu",
    "use_mm_proj_only": "train_mm_proj_only",
}
"""Names of older releases and what they are called now."""

_REASONS = {
    "rows are read once, by one process": """
        overwrite_cache preprocessing_num_workers preprocessing_batch_size dataloader_num_workers
        dataloader_pin_memory dataloader_persistent_workers dataloader_prefetch_factor buffer_size
        data_shared_file_system ignore_pad_token_for_loss remove_unused_columns label_names
        dataloader_in_order dataloader_multiprocessing_context length_column_name
        sortish_sampler dispatch_batches split_batches""",
    "encoded rows are kept and found again by what they are made of": "tokenized_path",
    "one device, one process": """
        deepspeed fsdp fsdp_config fsdp_min_num_params fsdp_transformer_layer_cls_to_wrap
        ddp_timeout ddp_backend ddp_bucket_cap_mb ddp_broadcast_buffers ddp_find_unused_parameters
        ddp_static_graph local_rank accelerator_config parallelism_config
        average_tokens_across_devices
        log_on_each_node save_on_each_node ray_scope mp_parameters tpu_num_cores
        tpu_metrics_debug master_addr master_port low_cpu_mem_usage quantization_device_map""",
    "only where Ray puts its processes and their files; here it is one process": """
        ray_run_name ray_init_kwargs resources_per_worker placement_strategy ray_storage_path
        ray_storage_filesystem""",
    "the device is found by itself": "use_cpu use_mps_device use_ipex jit_mode_eval device_map",
    "only how fast it is; attention, loss and memory are chosen here": """
        flash_attn use_unsloth use_unsloth_gc enable_liger_kernel use_liger_kernel
        liger_kernel_config
        use_v1_kernels use_reentrant_gc gradient_checkpointing_kwargs tf32 torch_compile
        torch_compile_backend torch_compile_mode torch_empty_cache_steps auto_find_batch_size
        fp16_opt_level fp16_backend half_precision_backend bf16_full_eval fp16_full_eval
        activation_checkpointing activation_checkpointing_kwargs
        eval_accumulation_steps eval_do_concat_batches eval_use_gather_object
        batch_eval_metrics
        torchdynamo optim_target_modules use_cache use_kv_cache""",
    "norms and the loss are computed in float32 always": """
        upcast_layernorm upcast_lmhead_output compute_dtype""",
    "the fast tokenizer is used always": "use_fast_tokenizer",
    "the text of a record never becomes control tokens": "split_special_tokens",
    "nothing is added to the vocabulary, so its size stays": "resize_vocab init_special_tokens",
    "no code from a model's repository is ever run": "trust_remote_code",
    "the libraries' own places and variables hold: HF_HOME, HF_TOKEN": """
        cache_dir hf_hub_token ms_hub_token om_hub_token hub_token use_auth_token""",
    "a run's report.html draws its loss, and its figures are in metrics.jsonl": """
        plot_loss logging_steps logging_strategy logging_first_step logging_dir
        logging_nan_inf_filter log_level log_level_replica disable_tqdm run_name project
        trackio_space_id trackio_bucket_id trackio_static_space_id print_param_status
        include_num_input_tokens_seen include_tokens_per_second
        include_effective_tokens_per_second skip_memory_metrics ppo_logger debug
        enable_torch_profiler profiler_output_dir profiler_wait_steps profiler_warmup_steps
        profiler_active_steps profiler_repeat profiler_record_shapes profiler_profile_memory
        profiler_with_stack profile_modules""",
    "no such tracker here; a run's figures are in metrics.jsonl": """
        use_swanlab swanlab_project swanlab_workspace swanlab_run_name swanlab_mode swanlab_api_key
        swanlab_logdir swanlab_lark_webhook_url swanlab_lark_secret""",
    "a run is never overwritten; give it another place with output_dir": "overwrite_output_dir",
    "checkpoints can always be resumed": """
        save_only_model save_safetensors ignore_data_skip restore_callback_states_from_checkpoint
        enable_jit_checkpoint""",
    "the base is evaluated before the first step, and the loss is what is looked at": """
        do_eval eval_on_start eval_delay eval_on_each_dataset prediction_loss_only
        include_for_metrics include_inputs_for_metrics""",
    "token accuracy is always measured": "compute_accuracy",
    "the same recipe gives the same run": "full_determinism",
    "no row is left out of the last step": "dataloader_drop_last",
    "nothing is uploaded": """
        push_to_hub hub_model_id hub_strategy hub_private_repo hub_always_push hub_revision
        push_to_hub_model_id push_to_hub_organization push_to_hub_token export_hub_model_id""",
    "evaluation is greedy, so that a second one gives the same": """
        do_sample temperature top_p top_k num_beams eval_num_beams generation_num_beams
        repetition_penalty length_penalty generation_config skip_special_tokens""",
    "for inference; training does not read it": """
        infer_backend infer_dtype offload_folder vllm_maxlen vllm_gpu_util vllm_enforce_eager
        vllm_max_lora_rank vllm_config sglang_maxlen sglang_mem_fraction sglang_tp_size
        sglang_config sglang_lora_backend system_message""",
    "for exports; training does not read it": """
        export_dir export_size export_device export_legacy_format export_quantization_bit
        export_quantization_dataset export_quantization_nsamples export_quantization_maxlen""",
    "what is learnt of an answer is its own tokens, however long the source": "reserved_label_len",
    "the model's own length and the data's limit hold": "model_max_length block_diag_attn",
    "of no use in training": "past_index use_legacy_prediction_loop adapter_folder",
}

NOT_APPLICABLE = {key: reason for reason, keys in _REASONS.items() for key in keys.split()}
"""Key -> why nothing has to be done about it."""

_OFF: dict[str, tuple[tuple[Any, ...], str]] = {
    "use_galore": ((False,), "the GaLore optimizer is not here"),
    "use_apollo": ((False,), "the APOLLO optimizer is not here"),
    "use_badam": ((False,), "the BAdam optimizer is not here"),
    "use_adam_mini": ((False,), "the Adam-mini optimizer is not here"),
    "use_muon": ((False,), "the Muon optimizer is not here"),
    "optim_args": (("",), "arguments of other optimizers are not here"),
    "use_dft_loss": ((False,), "this loss is not here"),
    "use_asft_loss": ((False,), "this loss is not here"),
    "use_eaft_loss": ((False,), "this loss is not here"),
    "label_smoothing_factor": ((0,), "labels are not smoothed here"),
    "use_llama_pro": ((False,), "training expanded blocks only is not here"),
    "mixture_of_depths": ((), "models that skip layers are not here"),
    "shift_attn": ((False,), "shifted short attention is not here"),
    "rope_scaling": (("none",), "positions are the model's own; its config.json may scale them"),
    "moe_aux_loss_coef": ((0,), "the router's loss of mixtures of experts is not here"),
    "fp8": ((False,), "arithmetic in eight bits is not here"),
    "add_tokens": (("",), "the vocabulary stays the model's"),
    "add_special_tokens": (("",), "the vocabulary stays the model's"),
    "new_special_tokens_config": ((), "the vocabulary stays the model's"),
    "default_system": (("",), "a system text is read from each record; put it there"),
    "tool_format": (("default",), "the template decides how tools are written"),
    "ref_model": ((), "the reference is the model before its first step"),
    "ref_model_adapters": ((), "the reference is the model before its first step"),
    "ref_model_quantization_bit": ((), "the reference is the model before its first step"),
    "lr_scheduler_kwargs": ((), "schedules take no further arguments"),
    "use_mca": ((False,), "Megatron is not here; one device"),
    "use_hyper_parallel": ((False,), "splitting a model over devices is not here"),
    "hyper_parallel_args": ((), "splitting a model over devices is not here"),
    "use_kt": ((False,), "KTransformers is not here"),
    "freeze_vision_tower": ((True,), "text models only"),
    "freeze_multi_modal_projector": ((True,), "text models only"),
    "freeze_language_model": ((False,), "text models only"),
    "train_mm_proj_only": ((False,), "text models only"),
    "visual_inputs": ((False,), "text models only"),
    "max_source_length": ((), "one limit holds for both sides; write cutoff_len"),
    "max_target_length": ((), "one limit holds for both sides; write cutoff_len"),
    "task": ((), "benchmarks such as MMLU are not here"),
    "task_dir": ((), "benchmarks such as MMLU are not here"),
    "lang": ((), "benchmarks such as MMLU are not here"),
    "n_shot": ((), "benchmarks such as MMLU are not here"),
    "save_dir": ((), "benchmarks such as MMLU are not here"),
    "batch_size": ((), "benchmarks such as MMLU are not here; write per_device_train_batch_size"),
    "download_mode": ((), "benchmarks such as MMLU are not here"),
}

_MEDIA = """
    image_max_pixels image_min_pixels image_resolution image_do_pan_and_scan crop_to_patches
    video_max_pixels video_min_pixels video_resolution video_fps video_maxlen use_audio_in_video
    audio_sampling_rate media_dir"""
_MEGATRON = """
    tensor_model_parallel_size pipeline_model_parallel_size context_parallel_size
    expert_model_parallel_size expert_tensor_parallel_size virtual_pipeline_model_parallel_size
    sequence_parallel sequence_parallel_size sequence_parallel_mode moe_grouped_gemm
    moe_token_dispatcher_type use_distributed_optimizer overlap_param_gather overlap_grad_reduce
    recompute_granularity apply_rope_fusion bias_activation_fusion use_packed_sequences
    mixed_precision export_hf_on_finish"""

SWITCHES: dict[str, tuple[tuple[Any, ...], str]] = {
    **_OFF,
    **{
        key: ((), "images, sound and video are not here; text models only")
        for key in _MEDIA.split()
    },
    **{key: ((), "Megatron is not here; one device") for key in _MEGATRON.split()},
}
"""Key -> the values at which it does nothing (null always does nothing), and why others cannot be
had: each of them would change what is learnt."""

OWNERS = {
    "galore_": "use_galore",
    "apollo_": "use_apollo",
    "badam_": "use_badam",
    "asft_": "use_asft_loss",
    "eaft_": "use_eaft_loss",
    "fp8_": "fp8",
    "kt_": "use_kt",
    "oft_": "finetuning_type: oft",
    "module_dropout": "finetuning_type: oft",
    "ppo_": "stage: ppo",
    "reward_model": "stage: ppo",
}
"""Start of a key -> the setting that it belongs to, and does nothing without."""

SECRET = ("token", "api_key", "secret", "webhook_url")
"""Endings of keys whose values are never shown."""

MAPPED = frozenset(
    """
    model_name_or_path model_revision adapter_name_or_path create_new_adapter resume_lora_training
    train_from_scratch quantization_bit quantization_method quantization_type double_quantization
    stage finetuning_type do_train do_predict predict_with_generate
    lora_rank lora_alpha lora_dropout lora_target additional_target use_rslora use_dora pissa_init
    pissa_iter pissa_convert loraplus_lr_ratio loraplus_lr_embedding
    freeze_trainable_layers freeze_trainable_modules freeze_extra_modules
    pref_beta pref_loss pref_ftx pref_bco_weight dpo_label_smoothing simpo_gamma ld_alpha
    kto_chosen_weight kto_rejected_weight
    dataset eval_dataset dataset_dir split template cutoff_len max_samples val_size streaming
    mix_strategy interleave_probs train_on_prompt mask_history packing neat_packing
    output_dir resume_from_checkpoint report_to
    per_device_train_batch_size per_device_eval_batch_size gradient_accumulation_steps
    ray_num_workers enable_thinking preserve_thinking
    learning_rate num_train_epochs max_steps lr_scheduler_type warmup_ratio warmup_steps optim
    adafactor weight_decay adam_beta1 adam_beta2 adam_epsilon max_grad_norm
    bf16 fp16 pure_bf16 gradient_checkpointing disable_gradient_checkpointing
    neftune_noise_alpha seed data_seed group_by_length train_sampling_strategy disable_shuffling
    eval_strategy eval_steps save_strategy save_steps save_total_limit
    load_best_model_at_end metric_for_best_model greater_is_better early_stopping_steps
    max_new_tokens max_length generation_max_length
    """.split()
)
"""Keys that the sections of this package read one by one."""

_OWNED = frozenset(
    """
    galore_target galore_rank galore_update_interval galore_scale galore_proj_type galore_layerwise
    apollo_target apollo_rank apollo_update_interval apollo_scale apollo_proj apollo_proj_type
    apollo_scale_type apollo_layerwise apollo_scale_front badam_mode badam_start_block
    badam_switch_mode badam_switch_interval badam_update_ratio badam_mask_mode badam_verbose
    asft_alpha eaft_alpha fp8_backend fp8_enable_fsdp_float8_all_gather kt_config
    kt_weight_path kt_expert_checkpoint_path kt_use_lora_experts kt_lora_expert_num
    kt_lora_expert_intermediate_size kt_cpu_activation kt_non_expert_weight_path kt_optimize_rule
    oft_rank oft_block_size oft_target module_dropout ppo_buffer_size ppo_epochs ppo_score_norm
    ppo_target ppo_whiten_rewards reward_model reward_model_adapters reward_model_quantization_bit
    reward_model_type
    """.split()
)

KNOWN = frozenset({*MAPPED, *NOT_APPLICABLE, *SWITCHES, *_OWNED, *RENAMED})
"""Every key that a file may hold."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one kind of file, and what becomes of those that no section asks for."""

    known: frozenset[str]
    not_applicable: Mapping[str, str]
    """Key -> why nothing has to be done about it."""
    switches: Mapping[str, tuple[tuple[Any, ...], str]]
    """Key -> the values at which it does nothing, and why others cannot be had."""
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    """Names of older releases and what they are called now."""
    owned: frozenset[str] = frozenset()
    owners: Mapping[str, str] = field(default_factory=dict[str, str])
    """Start of an owned key -> the setting that it belongs to, and does nothing without."""

    def owner_of(self, key: str) -> str | None:
        """The setting that a key belongs to and does nothing without; None: it stands alone."""
        if key not in self.owned:
            return None
        return next((owner for start, owner in self.owners.items() if key.startswith(start)), None)


FIRST = Keys(KNOWN, NOT_APPLICABLE, SWITCHES, RENAMED, _OWNED, OWNERS)
"""Of the files that LLaMA-Factory's usual command reads."""
