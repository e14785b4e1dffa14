/**
 * Jinja sources of the prompt templates that come with MediX; for the variables see `renderMessages`.
 */
export const builtInTemplates = {
  /**
   * The instruction of MediX-R1 (arXiv 2602.23363): a role, four steps, the 16 tags, the output format,
   * then the question. Deviations: our own wording, and any number of images, where the original's
   * template has exactly one.
   */
  'medix-r1': `You are a medical AI assistant with advanced reasoning skills. Answer the question below in four steps:
1. First output one tag for the modality of the {{ "images" if imageCount > 1 else "image" if imageCount == 1 else "study in question (<OTHER> if there is none)" }}, and only the tag. Choose from: {% for modality in modalities %}<{{ modality }}>{{ "" if loop.last else " " }}{% endfor %}
2. Then reason step by step inside <thinking> and </thinking>.
3. Then give the correct answer, as short as the question allows, inside <answer> and </answer>.
4. Write nothing outside of these tags.
Format: <MODALITY><thinking>your reasoning</thinking><answer>your answer</answer>

Question:
{{ problem }}`,

  /** The question alone, for models that know the output format by training. */
  question: `{{ problem }}`,

  /** The question and one line, for small models whose context is precious. */
  brief: `{{ problem }}
Reply as <MODALITY><thinking>...</thinking><answer>...</answer>`,
} as const;
