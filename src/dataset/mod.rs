//! Data sets: their cards, what lies in a folder or manifest, feature files, and the stand-in drawings.
#![allow(missing_docs, unused, clippy::all, clippy::pedantic)]
pub mod card { use std::path::Path; use crate::types::Emotion;
 pub struct Card { pub title: String, pub how_to_get: String, pub counts:[u32;8] }
 pub struct Difference{pub emotion:Emotion,pub expected:u32,pub found:usize}
 #[derive(Debug, thiserror::Error)] #[error("x")] pub struct CardError;
 pub fn find(name:&str, folder:Option<&Path>)->Result<Option<Card>,CardError>{Ok(None)}
 impl Card{ pub fn differences(&self, f:&[usize;8])->Vec<Difference>{vec![]} } }
pub mod listing { use std::path::*; 
 pub struct Entry{pub path:String,pub label:String,pub group:String,pub row:usize}
 pub struct Listed{pub folder:PathBuf,pub source:PathBuf,pub entries:Vec<Entry>}
 #[derive(Debug, thiserror::Error)] #[error("x")] pub struct ListingError;
 impl ListingError{pub fn is_missing(&self)->bool{true}}
 pub fn open(r:&Path)->Result<Listed,ListingError>{Err(ListingError)} }
pub mod feature_file { use std::path::*; use ndarray::Array2;
 #[derive(Debug, thiserror::Error)] #[error("x")] pub struct FeatureFileError;
 pub fn read(p:&Path)->Result<Array2<f32>,FeatureFileError>{Err(FeatureFileError)}
 pub fn from_npy(b:&[u8])->Result<Array2<f32>,FeatureFileError>{Err(FeatureFileError)}
 pub fn check(p:&Path,f:&Array2<f32>,r:usize)->Result<(),FeatureFileError>{Ok(())} }
pub mod stand_in { use std::path::*; use crate::types::Emotion; use serde::*;
 #[derive(Clone,Copy,Serialize,Debug)] pub enum StandInSet{A}
 impl StandInSet{pub fn of_card(n:&str)->Option<Self>{None}}
 pub const RENDERER:&str="x";
 #[derive(Debug, thiserror::Error)] pub enum StandInError{#[error("x")]Cancelled}
 pub fn sources(p:&Path,s:StandInSet)->Result<Vec<PathBuf>,StandInError>{Ok(vec![])}
 pub fn word_lists()->&'static str{""}
 pub struct Drawing{pub name:String,pub label:Emotion,pub group:String,pub style:String,pub png:Vec<u8>}
 pub struct StandIn{pub drawings:Vec<Drawing>}
 pub fn draw(p:&Path,s:StandInSet,z:u32,pr:&(dyn Fn(usize,usize)+Sync),c:&(dyn Fn()->bool+Sync))->Result<StandIn,StandInError>{Err(StandInError::Cancelled)} }
