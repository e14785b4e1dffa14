/** The 16 image-modality tags of MediX-R1 (arXiv 2602.23363), in the order of its prompt. */

export const modalities = [
  'X_RAY',
  'MICROSCOPY',
  'CLINICAL_PHOTOGRAPHY',
  'CT_SCAN',
  'GRAPHICS',
  'ANGIOGRAPHY',
  'PET_SCAN',
  'ULTRASOUND',
  'MRI_SCAN',
  'FUNDUS_PHOTOGRAPHY',
  'OCT_SCAN',
  'ENDOSCOPY',
  'MAMMOGRAPHY',
  'FLUOROSCOPY',
  'OTHER',
  'SPECT',
] as const;

export type Modality = (typeof modalities)[number];

export function isModality(text: string): text is Modality {
  return (modalities as readonly string[]).includes(text);
}
